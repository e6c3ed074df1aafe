public import CoreMetrics
import Synchronization

/// A backend of swift-metrics that keeps what was counted and writes it down in Prometheus' text format.
///
/// The same label and dimensions give the same series, whoever asks: two relays in one process count together. Making a
/// handler takes a lock and a look-up, using one an atomic addition; what counts often keeps its handlers.
///
/// | swift-metrics                     | Prometheus                       |
/// |-----------------------------------|----------------------------------|
/// | Counter, FloatingPointCounter     | counter                          |
/// | Meter, Gauge, Recorder unaggregated | gauge                          |
/// | Timer                             | histogram, in seconds            |
/// | Recorder aggregated               | histogram                        |
public final class PrometheusMetrics: MetricsFactory, Sendable {
    /// The content type of `text()`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// From 0.1 ms, a transaction on a fast disk, to 10 s, when an operator has long been called.
    public static let durationBounds = [
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// Powers of four: where a batch lies between one command and what a thousand connections send at once.
    public static let countBounds: [Double] = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536]

    private struct State {
        var families: [String: Family] = [:]
        var help: [String: String] = [:]
        var collectors: [@Sendable () -> Void] = []
    }
    private let state = Mutex(State())

    public init() {}

    /// What the metric with this name tells; the text of its HELP line.
    public func describe(_ name: String, _ help: String) { state.withLock { $0.help[TextFormat.name(name)] = help } }

    /// Calls `body` before each scrape, on its thread, to set what is not worth keeping up to date in between.
    public func beforeScrape(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.collectors.append(body) } }

    /// All metrics, in text format 0.0.4, sorted by name.
    public func text() -> String {
        for collector in state.withLock({ $0.collectors }) { collector() }
        let (families, help) = state.withLock { ($0.families, $0.help) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            TextFormat.write(family, name: name, help: help[name], to: &text)
        }
        return text
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, kind: .counter) { CounterSeries() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, kind: .counter) { FractionalCounterSeries() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, kind: .gauge) { GaugeSeries() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate
            ? series(label, dimensions, kind: .histogram) { HistogramSeries(bounds: Self.countBounds) }
            : series(label, dimensions, kind: .gauge) { GaugeSeries() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, kind: .histogram) { HistogramSeries(bounds: Self.durationBounds) }
    }

    // A series stays when its handler goes: Prometheus takes one that vanishes for a restart.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// The series with this label and these dimensions, made by `make` the first time.
    ///
    /// A label that has another kind already gets a series that is counted and never shown: one name has one type.
    private func series<Series: AnyObject & Sendable>(
        _ label: String, _ dimensions: [(String, String)], kind: Family.Kind, _ make: @Sendable () -> Series
    ) -> Series {
        let name = TextFormat.name(label)
        let labels = dimensions.map { Label(name: TextFormat.labelName($0.0), value: $0.1) }
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind)
            if let existing = family.series[labels] as? Series { return existing }
            let series = make()
            guard family.kind == kind, family.series[labels] == nil else { return series }
            family.series[labels] = series
            state.families[name] = family
            return series
        }
    }
}

/// All series of one name.
struct Family: Sendable {
    enum Kind: String, Sendable { case counter, gauge, histogram }

    let kind: Kind
    /// `CounterSeries` or `FractionalCounterSeries`, `GaugeSeries`, `HistogramSeries`, as `kind` says.
    var series: [[Label]: any AnyObject & Sendable] = [:]
}

struct Label: Hashable, Sendable {
    var name: String
    var value: String
}
