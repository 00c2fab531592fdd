// swift-tools-version: 6.2
import PackageDescription

// Guests and hooks run on another libc, so release builds with KIT_STATIC=1 link them fully static; see
// scripts/build.
let isStatic = Context.environment["KIT_STATIC"] == "1"

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let staticLink: [LinkerSetting] =
    isStatic
    ? [.unsafeFlags(["-static-executable", "-Xlinker", "--gc-sections", "-Xlinker", "--strip-all"])] : []

func library(_ name: String, _ path: String, _ dependencies: [String] = []) -> Target {
    .target(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, path: "Sources/\(path)",
        swiftSettings: settings)
}

func command(_ name: String, _ dependencies: [String], isGuest: Bool) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, path: "Sources/Commands/\(name)",
        swiftSettings: settings, linkerSettings: isGuest ? staticLink : [])
}

func tests(_ name: String, _ dependencies: [String]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: (dependencies + ["TestSupport"]).map { .byName(name: $0) },
        path: "Tests/\(name)",
        exclude: [], swiftSettings: settings)
}

func systemLibrary(_ name: String, _ debianPackage: String) -> Target {
    .systemLibrary(name: name, path: "Sources/C/\(name)", providers: [.apt([debianPackage])])
}

let package = Package(
    name: "openclaw",
    targets: [
        // C: system modules and the shim
        .target(name: "CSystem", path: "Sources/C/CSystem"),
        systemLibrary("CSeccomp", "libseccomp-dev"),
        systemLibrary("CCap", "libcap-dev"),
        systemLibrary("CSodium", "libsodium-dev"),
        systemLibrary("CYAML", "libyaml-dev"),
        systemLibrary("CSQLite", "libsqlite3-dev"),
        systemLibrary("CCurl", "libcurl4-openssl-dev"),
        // Thin system calls, the vocabulary, the protocols
        library("System", "System", ["CSystem"]),
        library("Kit", "Kit", ["CYAML", "CSodium"]),
        library("Wire", "Wire", ["Kit", "System"]),
        // What runs inside a guest
        library("Sandbox", "Guest/Sandbox", ["Kit", "System", "CSystem", "CSeccomp", "CCap"]),
        library("Harness", "Guest/Harness", ["Kit", "Wire", "System"]),
        library("Agent", "Guest/Agent", ["Kit", "Wire", "System"]),
        library("Canvas", "Guest/Canvas", ["Kit", "Wire", "System"]),
        // What aegisd calls
        library("Hooks", "Hooks", ["Kit", "System"]),
        // What runs on the host
        library("Core", "Coordinator/Core", ["Kit"]),
        library("Journal", "Coordinator/Journal", ["Kit", "System", "CSQLite", "CSodium"]),
        library("Channel", "Coordinator/Channel", ["Journal", "Kit", "Wire", "System"]),
        library("Transfer", "Coordinator/Transfer", ["Kit", "Wire", "System", "CCurl"]),
        library("Gateway", "Coordinator/Gateway", ["Kit", "Wire", "System", "Transfer"]),
        library("Delivery", "Coordinator/Delivery", ["Kit", "Wire", "System", "Transfer"]),
        library("Egress", "Coordinator/Egress", ["Kit", "System"]),
        library("Platform", "Platform", ["Kit", "Wire", "System"]),
        library(
            "Service", "Coordinator/Service",
            [
                "Core", "Journal", "Channel", "Transfer", "Gateway", "Delivery", "Egress", "Platform", "Kit",
                "Wire", "System",
            ]),
        library(
            "CLI", "CLI", ["Service", "Delivery", "Egress", "Platform", "Gateway", "Kit", "Wire", "System"]),
        // Binaries
        command("openclaw", ["CLI"], isGuest: false),
        command("openclaw-harness", ["Harness"], isGuest: true),
        command("openclaw-sandbox", ["Sandbox"], isGuest: true),
        command("openclaw-agent", ["Agent"], isGuest: true),
        command("openclaw-canvas", ["Canvas"], isGuest: true),
        command("render_env", ["Hooks"], isGuest: true),
        command("validate_config", ["Hooks"], isGuest: true),
        command("on_publish", ["Hooks"], isGuest: true),
        // What conformance suites run
        .executableTarget(
            name: "websocket-echo", dependencies: ["Wire", "System"],
            path: "Tests/Conformance/websocket/Echo", swiftSettings: settings),
        .executableTarget(
            name: "a2ui-check", dependencies: ["Kit", "System"], path: "Tests/Conformance/a2ui/Check",
            swiftSettings: settings),
        .executableTarget(
            name: "snapshot-check", dependencies: ["Channel", "Journal", "Kit", "System"],
            path: "Tests/Conformance/canvas/Check", swiftSettings: settings),
        // What unit tests run
        .executableTarget(
            name: "crash-check", dependencies: ["System"], path: "Tests/Programs/crash-check",
            swiftSettings: settings),
        // Tests, one folder a module, and what they share
        .target(name: "TestSupport", path: "Tests/Support", swiftSettings: settings),
        tests("System", ["System", "crash-check"]),
        tests("Kit", ["Kit", "System"]),
        tests("Wire", ["Wire", "Kit", "System"]),
        tests("Sandbox", ["Sandbox", "Kit", "System"]),
        tests("Harness", ["Harness", "Kit", "Wire", "System"]),
        tests("Agent", ["Agent", "Kit", "Wire", "System"]),
        tests("Canvas", ["Canvas", "Kit", "Wire", "System"]),
        tests("Hooks", ["Hooks", "Kit", "System"]),
        tests("Core", ["Core", "Kit", "System"]),
        tests("Journal", ["Journal", "Kit", "System"]),
        tests("Channel", ["Channel", "Journal", "Kit", "Wire", "System"]),
        tests("Gateway", ["Gateway", "Kit", "Wire", "System"]),
        tests("Delivery", ["Delivery", "Core", "Hooks", "Kit", "Wire", "System"]),
        tests("Egress", ["Egress", "Kit", "System"]),
        tests("Platform", ["Platform", "Kit", "Wire", "System"]),
        tests("Service", ["Service", "Core", "Journal", "Platform", "Kit", "Wire", "System"]),
        tests("CLI", ["CLI", "Kit", "System"]),
        tests("Tidy", ["System"]),
    ]
)

// One set of properties: for libFuzzer, which brings its own main (scripts/fuzz), or for the tests.
let fuzzed: [Target.Dependency] = [
    "Agent", "Delivery", "Gateway", "Harness", "Sandbox", "Transfer", "Kit", "Wire", "System",
]
if Context.environment["KIT_FUZZ"] == "1" {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: fuzzed, path: "Tests/Fuzz",
            exclude: ["corpus", "numbers.dict", "SeededTests.swift"],
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]))
} else {
    package.targets.append(
        .testTarget(
            name: "FuzzTests", dependencies: fuzzed + ["TestSupport"], path: "Tests/Fuzz",
            exclude: ["corpus", "numbers.dict", "Program.swift"], swiftSettings: settings))
}
