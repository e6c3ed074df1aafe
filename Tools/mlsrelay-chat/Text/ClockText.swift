import Glibc
import RelayClient

/// Times of day.
enum ClockText {
    /// Hour and minute, `offset` seconds east of UTC.
    static func time(_ time: RelayTime, offset: Int) -> String {
        // What a relay says may be any number.
        let minutes = Int(time.milliseconds % 86_400_000) / 60_000 + offset / 60
        let ofDay = (minutes % 1440 + 1440) % 1440
        return twoDigits(ofDay / 60) + ":" + twoDigits(ofDay % 60)
    }

    /// Now, by this machine's clock.
    static func now() -> RelayTime {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return RelayTime(milliseconds: UInt64(max(0, now.tv_sec)) * 1000 + UInt64(now.tv_nsec) / 1_000_000)
    }

    /// Seconds east of UTC here and now.
    static func localOffset() -> Int {
        var now = Glibc.time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        return parts.tm_gmtoff
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
