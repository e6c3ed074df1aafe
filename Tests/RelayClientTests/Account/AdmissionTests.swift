import RelayWire
import Testing

@testable import RelayClient

@Suite("RelayClient: admissions as text")
struct AdmissionTests {
    static let grant = AdmissionGrant(
        client: ClientNumber(rawValue: 7), notAfter: Timestamp(rawValue: 1_800_000_000_000),
        signature: [UInt8](repeating: 9, count: 64))

    @Test("an admission survives people, with white space around it, on one line")
    func text() throws {
        let text = Self.grant.text
        #expect(text.allSatisfy { !$0.isWhitespace && $0.isASCII })
        #expect(try AdmissionGrant(text: " \n\(text)\t\n") == Self.grant)
        let expected = RelayWire.Admission.client(
            Self.grant.client, notAfter: Self.grant.notAfter, signature: Self.grant.signature)
        #expect(try DeviceAdmission.device(text).wire == expected)
    }

    @Test("an admission with anything missing or changed is none")
    func damaged() {
        let text = Self.grant.text
        for count in 0..<text.count {
            let prefix = String(text.prefix(count))
            let error = #expect(throws: RelayClientError.self) { try AdmissionGrant(text: prefix) }
            #expect(error?.code == .admissionInvalid)
        }
        for index in text.indices {
            var changed = text
            changed.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
            #expect(throws: RelayClientError.self) { try AdmissionGrant(text: changed) }
        }
        #expect(throws: RelayClientError.self) { try AdmissionGrant(text: text + text) }
    }

    @Test("a token is what operators hand out, in hexadecimal")
    func token() throws {
        #expect(try DeviceAdmission.token(" 00ffAB\n").wire == .token([0, 0xff, 0xab]))
        #expect(try DeviceAdmission.open.wire == .open)
        for text in ["xyz", "123", String(repeating: "00", count: 65)] {
            let error = #expect(throws: RelayClientError.self) { try DeviceAdmission.token(text).wire }
            #expect(error?.code == .admissionInvalid)
        }
    }
}
