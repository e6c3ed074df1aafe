// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
/// Targets that read hostile bytes in place: spans with lifetimes, and `unsafe` said wherever it is meant.
let codecSettings = settings + [.enableExperimentalFeature("Lifetimes"), .strictMemorySafety()]

let package = Package(
    name: "mlsrelay",
    products: [
        .executable(name: "mlsrelay", targets: ["mlsrelay"]),
        .executable(name: "mlsrelay-chat", targets: ["mlsrelay-chat"]),
        .library(name: "RelayClient", targets: ["RelayClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    ],
    targets: [
        // System libraries: a module map and a shim header each.
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(
            name: "CLibwebsockets", pkgConfig: "libwebsockets",
            providers: [.apt(["libwebsockets-dev", "libwebsockets-evlib-uv", "libuv1-dev", "libcap-dev"])]),
        .systemLibrary(name: "CLinux"),
        // Counts the memory that is asked for, in the executable that links it.
        .target(name: "CAllocations"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),

        // The TLS presentation language (RFC 8446 section 3) with RFC 9420's variable-size vectors.
        .target(name: "TLSPresentation", swiftSettings: codecSettings),
        .testTarget(
            name: "TLSPresentationTests", dependencies: ["TestSupport", "TLSPresentation"], swiftSettings: settings),

        // RFC 9420's structures as bytes; no cryptography.
        .target(name: "MLSCodec", dependencies: ["TLSPresentation"], swiftSettings: codecSettings),
        .testTarget(
            name: "MLSCodecTests", dependencies: ["MLSCodec", "TestSupport", "TLSPresentation"],
            swiftSettings: settings),

        // RFC 9420 section 5: hashes, key derivation, encryption, signatures; the only importer of OpenSSL's EVP.
        .target(
            name: "MLSCrypto", dependencies: ["COpenSSL", "MLSCodec", "TLSPresentation"], swiftSettings: codecSettings),
        .testTarget(
            name: "MLSCryptoTests", dependencies: ["MLSCodec", "MLSCrypto", "TestSupport", "TLSPresentation"],
            swiftSettings: settings),

        // A group as everybody can see it: RFC 9420's ratchet tree and its rules. No secret can reach it.
        .target(
            name: "MLSPublicGroup",
            dependencies: [
                "MLSCodec", "MLSCrypto", "TLSPresentation",
                .product(name: "HashTreeCollections", package: "swift-collections"),
            ],
            swiftSettings: codecSettings),
        .testTarget(
            name: "MLSPublicGroupTests",
            dependencies: [
                "MLSCodec", "MLSCrypto", "MLSPublicGroup", "MLSTestSupport", "TLSPresentation", "TestSupport",
            ],
            swiftSettings: settings),
        // Clients and groups for tests, who do what they should or break one rule.
        .target(
            name: "MLSTestSupport",
            dependencies: ["MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation"],
            path: "Tests/MLSSupport", swiftSettings: settings),

        // A member's side of a group: RFC 9420's key schedule, secret tree and framing.
        .target(
            name: "MLS", dependencies: ["MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation"],
            swiftSettings: codecSettings),
        .testTarget(
            name: "MLSTests",
            dependencies: [
                "MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "MLSTestSupport", "TLSPresentation", "TestSupport",
                "mls-bench",
            ],
            swiftSettings: settings),

        // Measures the MLS targets beside what libcrypto alone needs for the same.
        .executableTarget(
            name: "mls-bench",
            dependencies: [
                "CAllocations", "COpenSSL", "MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tools/mls-bench", swiftSettings: settings),

        // The protocol between client and relay: Wire/PROTOCOL.md in Swift.
        .target(
            name: "RelayWire", dependencies: ["MLSCodec", "MLSCrypto", "TLSPresentation"], path: "Wire/Codec",
            swiftSettings: codecSettings),
        .testTarget(
            name: "RelayWireTests",
            dependencies: ["MLSCodec", "MLSCrypto", "RelayWire", "TLSPresentation", "TestSupport"],
            swiftSettings: settings),

        // What a relay decides; no socket, disk, clock or thread.
        .target(
            name: "RelayCore",
            dependencies: ["MLSCodec", "MLSCrypto", "MLSPublicGroup", "RelayWire", "TLSPresentation"],
            swiftSettings: codecSettings),

        // Whose a credential is: what the relay and its clients verify alike, against the authority's root.
        .target(
            name: "RelayCredentials", dependencies: ["MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation"],
            swiftSettings: codecSettings),
        .testTarget(
            name: "RelayCredentialsTests",
            dependencies: [
                "MLSCodec", "MLSCrypto", "MLSPublicGroup", "MLSTestSupport", "RelayCredentials", "TLSPresentation",
            ],
            swiftSettings: settings),

        // Issues credentials: a root and an issuing authority, their keys and certificates in files.
        .target(
            name: "RelayAuthority",
            dependencies: ["COpenSSL", "MLSCodec", "MLSCrypto", "RelayCredentials", "TLSPresentation"],
            swiftSettings: codecSettings),
        .testTarget(
            name: "RelayAuthorityTests",
            dependencies: [
                "MLSCodec", "MLSCrypto", "MLSPublicGroup", "MLSTestSupport", "RelayAuthority", "RelayCredentials",
                "TLSPresentation", "TestSupport",
            ],
            swiftSettings: settings),

        // Logs and tables in LMDB, behind the state protocol of RelayCore; the only importer of CLMDB.
        .target(
            name: "RelayStore",
            dependencies: [
                "CLMDB", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "RelayCore", "RelayWire", "TLSPresentation",
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: settings),

        // WebSocket's handshake and frames as values, for both sides.
        .target(
            name: "WebSocketFraming", dependencies: ["MLSCrypto", "TLSPresentation"], swiftSettings: settings),

        .testTarget(name: "WebSocketFramingTests", dependencies: ["WebSocketFraming"], swiftSettings: settings),

        // Sockets, TLS and event loops on libwebsockets; its only importer.
        .target(
            name: "RelayTransport",
            dependencies: ["CLibwebsockets", "RelayWire", "TLSPresentation", "WebSocketFraming"],
            swiftSettings: settings),

        // A backend of swift-metrics that writes Prometheus' text format.
        .target(
            name: "Prometheus", dependencies: [.product(name: "CoreMetrics", package: "swift-metrics")],
            swiftSettings: settings),
        .testTarget(
            name: "PrometheusTests",
            dependencies: ["Prometheus", .product(name: "CoreMetrics", package: "swift-metrics")],
            swiftSettings: settings),

        // The relay: threads and inboxes, sessions, fan-out, start and stop.
        .target(
            name: "RelayServer",
            dependencies: [
                "MLSCodec", "MLSCrypto", "MLSPublicGroup", "Prometheus", "RelayAuthority", "RelayCore",
                "RelayCredentials",
                "RelayStore", "RelayTransport", "RelayWire", "TLSPresentation",
                "WebSocketFraming", .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            swiftSettings: settings),

        .testTarget(
            name: "RelayServerTests",
            dependencies: [
                "MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "MLSTestSupport", "RelayAuthority", "RelayCore",
                "RelayCredentials", "RelayServer", "RelayStore", "RelayTransport", "RelayWire", "TLSPresentation",
                "TestSupport", "WebSocketFraming", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),

        // What an operator may set: one table for the command line, the environment and the configuration file.
        .target(
            name: "RelaySettings",
            dependencies: [
                "MLSCodec", "RelayCore", "RelayServer", "RelayStore", "RelayTransport", "RelayWire",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),

        .testTarget(
            name: "RelaySettingsTests",
            dependencies: ["RelayCore", "RelayServer", "RelaySettings", "RelayStore", "RelayTransport", "TestSupport"],
            swiftSettings: settings),

        // The server's command line.
        .executableTarget(
            name: "mlsrelay",
            dependencies: [
                "Prometheus", "RelayAuthority", "RelayCore", "RelayServer", "RelaySettings", "RelayStore",
                "RelayTransport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"), .product(name: "Metrics", package: "swift-metrics"),
            ],
            swiftSettings: settings),

        // The client's side of WebSocket and raw TCP, with and without TLS, on epoll; the only importer of OpenSSL's SSL.
        .target(
            name: "ClientTransport",
            dependencies: [
                "CLinux", "COpenSSL", "MLSCrypto", "RelayWire", "TLSPresentation", "WebSocketFraming",
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: codecSettings),
        .testTarget(
            name: "ClientTransportTests",
            dependencies: ["ClientTransport", "COpenSSL", "RelayWire", "TestSupport", "TLSPresentation"],
            swiftSettings: settings),

        // Loads a relay and checks all that it delivers.
        .executableTarget(
            name: "mlsrelay-load",
            dependencies: [
                "ClientTransport", "MLSCodec", "MLSCrypto", "RelayWire", "TLSPresentation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "Tools/mlsrelay-load", swiftSettings: settings),
        .testTarget(
            name: "LoadTests",
            dependencies: ["MLSCrypto", "RelayWire", "TLSPresentation", "TestSupport", "mlsrelay", "mlsrelay-load"],
            swiftSettings: settings),

        // The inspector's command line.
        .executableTarget(
            name: "mlsrelay-tool",
            dependencies: [
                "ClientTransport", "MLSCodec", "MLSCrypto", "RelayConnection", "RelayCore", "RelayStore", "RelayWire",
                "TLSPresentation", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tools/mlsrelay-tool", swiftSettings: settings),
        .testTarget(
            name: "ToolTests",
            dependencies: [
                "MLS", "MLSCodec", "MLSCrypto", "MLSTestSupport", "RelayConnection", "RelayCore", "RelayStore",
                "RelayTestSupport", "RelayWire", "TestSupport", "TLSPresentation", "mlsrelay", "mlsrelay-tool",
            ],
            swiftSettings: settings),

        // What tests of the relay's state need: a relay without sockets on either state, and MLSMessages for it.
        .target(
            name: "RelayTestSupport",
            dependencies: [
                "MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "MLSTestSupport", "RelayCore", "RelayStore",
                "RelayWire",
                "TestSupport", "TLSPresentation",
            ],
            path: "Tests/RelaySupport", swiftSettings: settings),
        .testTarget(
            name: "RelayCoreTests",
            dependencies: [
                "MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "MLSTestSupport", "RelayCore", "RelayStore",
                "RelayTestSupport", "RelayWire", "TestSupport", "TLSPresentation",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "RelayStoreTests",
            dependencies: [
                "CLMDB", "MLSCodec", "MLSCrypto", "RelayCore", "RelayStore", "RelayTestSupport", "RelayWire",
                "TestSupport", "TLSPresentation",
            ],
            swiftSettings: settings),

        // A client's connection to a relay: requests, and subscriptions that survive their connections.
        .target(
            name: "RelayConnection",
            dependencies: [
                "ClientTransport", "MLSCodec", "MLSCrypto", "RelayWire", "TLSPresentation",
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: codecSettings),
        .testTarget(
            name: "RelayConnectionTests",
            dependencies: [
                "ClientTransport", "MLSCodec", "MLSCrypto", "RelayConnection", "RelayWire", "TLSPresentation",
                "TestSupport",
            ],
            swiftSettings: settings),

        // What a client keeps: encrypted records in LMDB, one process at a time.
        .target(
            name: "ClientStore", dependencies: ["CLMDB", "MLSCrypto", "TLSPresentation"],
            swiftSettings: codecSettings),
        .testTarget(
            name: "ClientStoreTests",
            dependencies: ["ClientStore", "MLSCrypto", "TLSPresentation", "TestSupport"], swiftSettings: settings),

        // The client library: identities, users and devices, encrypted groups.
        .target(
            name: "RelayClient",
            dependencies: [
                "ClientStore", "ClientTransport", "MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "RelayConnection",
                "RelayCredentials", "RelayWire", "TLSPresentation",
            ],
            swiftSettings: codecSettings),
        .testTarget(
            name: "RelayClientTests",
            dependencies: [
                "ClientStore", "ClientTransport", "MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "RelayClient",
                "RelayConnection", "RelayCore", "RelayCredentials", "RelayServer", "RelayTransport", "RelayWire",
                "TLSPresentation", "TestSupport", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),

        // A chat in a terminal.
        .executableTarget(
            name: "mlsrelay-chat",
            dependencies: [
                "RelayClient", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tools/mlsrelay-chat", swiftSettings: settings),
        .testTarget(
            name: "ChatTests",
            dependencies: ["RelayClient", "TestSupport", "mlsrelay", "mlsrelay-chat"], swiftSettings: settings),

        // Drives the library a line at a time, for tests against other implementations.
        .executableTarget(
            name: "mls-interop",
            dependencies: ["MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation"],
            path: "Tests/Interop", swiftSettings: settings),
        .testTarget(
            name: "InteropTests",
            dependencies: ["MLSCodec", "MLSCrypto", "MLSTestSupport", "TLSPresentation", "TestSupport", "mls-interop"],
            swiftSettings: settings),

        // The repository itself: format, arrows.
        .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: settings),

        // The whole system: real processes, real sockets, crashes.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "ClientTransport", "MLSCodec", "MLSCrypto", "MLSTestSupport", "RelayConnection", "RelayCore",
                "RelayStore",
                "RelayTestSupport", "RelayWire", "TLSPresentation", "TestSupport", "mlsrelay", "mlsrelay-chat",
                "mlsrelay-tool",
            ],
            path: "Tests/EndToEnd", swiftSettings: settings),

        // What several test targets need: the official vectors, read from outside of the package, a randomness that
        // repeats itself, and running programs.
        .target(
            name: "TestSupport", dependencies: ["MLSCrypto", "TLSPresentation"], path: "Tests/Support",
            swiftSettings: settings),
    ]
)
