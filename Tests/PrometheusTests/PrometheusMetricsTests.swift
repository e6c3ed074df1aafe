import CoreMetrics
import Prometheus
import Testing

@Suite("Prometheus' text format 0.0.4")
struct PrometheusMetricsTests {
    let metrics = PrometheusMetrics()

    private func lines() -> [String] { metrics.text().split(separator: "\n").map(String.init) }

    @Test("a counter has its help and its type, and adds up what all handlers with its name count")
    func counter() {
        metrics.describe("frames_total", "Frames.")
        Counter(label: "frames_total", dimensions: [], factory: metrics).increment(by: 40)
        Counter(label: "frames_total", dimensions: [], factory: metrics).increment()
        Counter(label: "frames_total", dimensions: [], factory: metrics).increment()
        #expect(metrics.text() == "# HELP frames_total Frames.\n# TYPE frames_total counter\nframes_total 42\n")
    }

    @Test("series of one name stand together, sorted by their labels, under one type line")
    func labels() {
        for (code, count) in [("b", 2), ("a", 1)] {
            Counter(label: "refusals_total", dimensions: [("code", code)], factory: metrics).increment(by: count)
        }
        #expect(
            lines() == [
                "# TYPE refusals_total counter", #"refusals_total{code="a"} 1"#, #"refusals_total{code="b"} 2"#,
            ])
    }

    @Test("a label's value is escaped: backslash, quotation mark, line feed; help has no quotation marks to escape")
    func escaping() {
        metrics.describe("x_total", "a \\ and \"b\"\nc")
        Counter(label: "x_total", dimensions: [("path", "C:\\ \"d\"\n")], factory: metrics).increment()
        #expect(
            lines() == [
                #"# HELP x_total a \\ and "b"\nc"#, "# TYPE x_total counter", #"x_total{path="C:\\ \"d\"\n"} 1"#,
            ])
    }

    @Test("what a name may not hold becomes an underscore")
    func names() {
        Counter(label: "1a.b-c:d", dimensions: [("e:f", "g")], factory: metrics).increment()
        #expect(lines().last == #"_a_b_c:d{e_f="g"} 1"#)
    }

    @Test("a meter is a gauge that is set, raised and lowered")
    func meter() {
        let meter = Meter(label: "temperature", dimensions: [], factory: metrics)
        meter.set(20)
        meter.increment(by: 1.5)
        meter.decrement(by: 0.25)
        #expect(lines() == ["# TYPE temperature gauge", "temperature 21.25"])
        meter.set(1 << 40)
        #expect(lines().last == "temperature 1099511627776")
    }

    @Test("a timer is a histogram in seconds: each bucket has what lies at or below its bound")
    func timer() {
        let timer = Timer(label: "seconds", dimensions: [], factory: metrics)
        timer.recordMilliseconds(1)
        timer.recordMilliseconds(2)
        timer.recordSeconds(60)
        let lines = lines()
        #expect(lines.first == "# TYPE seconds histogram")
        #expect(lines.contains(#"seconds_bucket{le="0.0005"} 0"#))
        #expect(lines.contains(#"seconds_bucket{le="0.001"} 1"#))
        #expect(lines.contains(#"seconds_bucket{le="0.0025"} 2"#))
        #expect(lines.contains(#"seconds_bucket{le="10"} 2"#))
        #expect(lines.suffix(3) == [#"seconds_bucket{le="+Inf"} 3"#, "seconds_sum 60.003", "seconds_count 3"])
    }

    @Test("a recorder that aggregates is a histogram, with its own labels beside the bound")
    func recorder() {
        let recorder = Recorder(label: "batch", dimensions: [("thread", "1")], aggregate: true, factory: metrics)
        recorder.record(3)
        recorder.record(5)
        #expect(lines().contains(#"batch_bucket{thread="1",le="4"} 1"#))
        #expect(lines().contains(#"batch_sum{thread="1"} 8"#))
    }

    @Test("a counter of fractions is a counter")
    func fractions() {
        let counter = FloatingPointCounter(label: "cpu_seconds_total", dimensions: [], factory: metrics)
        counter.increment(by: 0.25)
        counter.increment(by: 0.5)
        #expect(lines() == ["# TYPE cpu_seconds_total counter", "cpu_seconds_total 0.75"])
    }

    @Test("a name keeps its first type: what asks for another is counted and not shown")
    func oneTypePerName() {
        Counter(label: "x", dimensions: [], factory: metrics).increment()
        Meter(label: "x", dimensions: [], factory: metrics).set(7)
        #expect(lines() == ["# TYPE x counter", "x 1"])
    }

    @Test("what is set before a scrape is in it")
    func beforeScrape() {
        let meter = Meter(label: "now", dimensions: [], factory: metrics)
        metrics.beforeScrape { meter.set(5) }
        #expect(lines().last == "now 5")
    }

    @Test("nothing is lost when many threads count at once", .timeLimit(.minutes(1)))
    func concurrency() async {
        let recorder = Recorder(label: "batch", dimensions: [], aggregate: true, factory: metrics)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { [metrics] in
                    let counter = Counter(label: "total", dimensions: [], factory: metrics)
                    for _ in 0..<10_000 {
                        counter.increment()
                        recorder.record(2)
                    }
                }
            }
        }
        #expect(lines().contains("total 80000"))
        #expect(lines().contains("batch_count 80000"))
        #expect(lines().contains("batch_sum 160000"))
    }
}
