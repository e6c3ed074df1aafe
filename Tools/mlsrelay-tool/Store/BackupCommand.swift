import ArgumentParser
import Foundation
import RelayStore
import Synchronization

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy a store to another directory, also while the relay runs.",
        discussion: """
            The copy is of one moment, has no free space in it, and is on the disk when the command ends. To restore \
            it, give the relay the directory as its data directory.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The directory to copy to; created if it is not there.")
    var directory: String

    @Flag(help: "Verify the copy, and exit with 1 if it is damaged.")
    var verify = false

    func run() throws {
        let store = try store.open()
        let free = try StoreReader(store).read { (snapshot) throws(StoreError) in try snapshot.freeByteCount }
        try copy(store, expectedByteCount: store.size.byteCount - free)
        let copy = try Store(directory, access: .inspector)
        let byteCount = copy.size.byteCount
        if output.json {
            let json: JSON = ["directory": .string(directory), "byte_count": .number(UInt64(byteCount))]
            print(json)
        } else {
            print("copied \(byteCountText(byteCount)) to \(directory)")
        }
        if verify, try VerifyCommand.verify(copy, json: output.json).findingCount > 0 { throw ExitCode(1) }
    }

    /// Copies, while another thread shows how large the copy has become: LMDB copies in one call.
    private func copy(_ store: Store, expectedByteCount: Int) throws {
        let watch = CopyWatch()
        if Terminal.isErrorATerminal {
            let file = directory + "/data.mdb"
            Thread.detachNewThread { watch.show(file, expectedByteCount) }
        } else {
            watch.ended.signal()
        }
        defer {
            watch.isDone.store(true, ordering: .relaxed)
            watch.ended.wait()
        }
        try store.backUp(to: directory)
    }
}

/// Shows the progress of a copy until it is done.
private final class CopyWatch: Sendable {
    let isDone = Atomic(false)
    let ended = DispatchSemaphore(value: 0)

    func show(_ file: String, _ expectedByteCount: Int) {
        var bar = ProgressBar("copying")
        while !isDone.load(ordering: .relaxed) {
            var status = stat()
            if stat(file, &status) == 0 { bar.show(Int(status.st_size), of: expectedByteCount) }
            usleep(50_000)
        }
        bar.clear()
        ended.signal()
    }
}
