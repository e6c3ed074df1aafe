// swift-tools-version: 6.2

// The fuzzers, a package of their own: libFuzzer brings `main` and instruments all that it is linked with, which
// nobody else wants. `Tools/fuzz` builds and runs them. Targets of the same names are those of the package above.

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let codecSettings = settings + [.enableExperimentalFeature("Lifetimes"), .strictMemorySafety()]

let package = Package(
    name: "fuzz",
    products: [.library(name: "decoder", type: .static, targets: ["decoder"])],
    targets: [
        .target(name: "TLSPresentation", swiftSettings: codecSettings),
        .target(name: "MLSCodec", dependencies: ["TLSPresentation"], swiftSettings: codecSettings),

        // Bytes that may be an MLSMessage.
        .target(
            name: "decoder", dependencies: ["MLSCodec", "TLSPresentation"], path: "decoder", exclude: ["corpus"],
            swiftSettings: settings),

        // A group that processes hostile messages goes here as the target and product "process".
    ]
)
