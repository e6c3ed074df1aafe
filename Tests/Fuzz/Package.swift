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
    products: [
        .library(name: "decoder", type: .static, targets: ["decoder"]),
        .library(name: "process", type: .static, targets: ["process"]),
    ],
    dependencies: [.package(url: "https://github.com/apple/swift-collections", from: "1.6.0")],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "TLSPresentation", swiftSettings: codecSettings),
        .target(name: "MLSCodec", dependencies: ["TLSPresentation"], swiftSettings: codecSettings),

        // Bytes that may be an MLSMessage.
        .target(
            name: "decoder", dependencies: ["MLSCodec", "TLSPresentation"], path: "decoder", exclude: ["corpus"],
            swiftSettings: settings),

        .target(
            name: "MLSCrypto", dependencies: ["COpenSSL", "MLSCodec", "TLSPresentation"], swiftSettings: codecSettings),
        .target(
            name: "MLSPublicGroup",
            dependencies: [
                "MLSCodec", "MLSCrypto", "TLSPresentation",
                .product(name: "HashTreeCollections", package: "swift-collections"),
            ],
            swiftSettings: codecSettings),
        .target(
            name: "MLS", dependencies: ["MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation"],
            swiftSettings: codecSettings),
        // Of what the tests have, the members by hand: links to the files.
        .target(
            name: "MLSTestSupport",
            dependencies: ["MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation"],
            path: "MLSSupport", swiftSettings: settings),

        // A member of a group who gets messages that were changed on their way, or by another member.
        .target(
            name: "process", dependencies: ["MLSTestSupport"], path: "process", exclude: ["corpus"],
            swiftSettings: settings),
    ]
)
