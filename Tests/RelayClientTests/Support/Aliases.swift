import RelayClient

/// The library's names for what RelayWire has under the same ones: a module cannot be named where a type is called alike.
typealias DeviceAdmission = Admission
typealias DeviceIdentity = Identity
