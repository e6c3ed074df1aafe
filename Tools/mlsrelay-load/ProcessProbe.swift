/// Looks at another process by /proc: the relay that is under load.
struct ProcessProbe {
    let pid: Int32
    /// How many processors it may use.
    let processorCount: Int

    struct Sample {
        /// Of all threads, in nanoseconds.
        var processorTime: UInt64 = 0
        /// How long its threads were ready and had to wait for a processor, in nanoseconds.
        var waitingTime: UInt64 = 0
        /// By thread id.
        var threads: [Int: Thread] = [:]
        var residentByteCount: UInt64 = 0
        /// Without files that are mapped, as a store is.
        var anonymousByteCount: UInt64 = 0
    }

    struct Thread {
        let name: String
        let processorTime: UInt64
    }

    /// - Returns: nil if there is no such process.
    init?(pid: Int32) {
        self.pid = pid
        guard let status = readProc("/proc/\(pid)/status"), let list = Self.field("Cpus_allowed_list", in: status)
        else {
            return nil
        }
        processorCount = list.split(separator: ",").reduce(0) { sum, range in
            let bounds = range.split(separator: "-").compactMap { Int($0) }
            return sum + (bounds.last ?? 0) - (bounds.first ?? 0) + 1
        }
    }

    func sample() -> Sample {
        var sample = Sample()
        for task in listDirectory("/proc/\(pid)/task") {
            let path = "/proc/\(pid)/task/\(task)"
            // Nanoseconds on a processor, nanoseconds of waiting for one, number of time slices.
            guard let id = Int(task), let text = readProc("\(path)/schedstat"), let name = readProc("\(path)/comm")
            else {
                continue
            }
            let times = text.split(separator: " ").compactMap { UInt64($0) }
            guard times.count >= 2 else { continue }
            sample.threads[id] = Thread(name: String(name.prefix { $0 != "\n" }), processorTime: times[0])
            sample.processorTime += times[0]
            sample.waitingTime += times[1]
        }
        guard let status = readProc("/proc/\(pid)/status") else { return sample }
        sample.residentByteCount = Self.kibibytes("VmRSS", in: status) * 1024
        sample.anonymousByteCount = Self.kibibytes("RssAnon", in: status) * 1024
        return sample
    }

    private static func kibibytes(_ name: String, in status: String) -> UInt64 {
        field(name, in: status)?.split(separator: " ").first.flatMap { UInt64($0) } ?? 0
    }

    private static func field(_ name: String, in status: String) -> Substring? {
        for line in status.split(separator: "\n") where line.hasPrefix(name + ":") {
            return line.dropFirst(name.utf8.count + 1).drop { $0 == "\t" || $0 == " " }
        }
        return nil
    }
}
