import Prometheus
import WebSocketFraming

/// The relay's only HTTP: `/healthz` for load balancers and `/metrics` for Prometheus, on the WebSocket port.
struct HTTPSurface: Sendable {
    let health: Health
    let metrics: PrometheusMetrics

    /// The whole response. Called on any loop's thread.
    func respond(to request: HTTPRequest) -> [UInt8] {
        let response: (status: String, fields: [String], contentType: String, body: String)
        let plain = "text/plain; charset=utf-8"
        switch (request.path, request.method) {
        case ("/healthz", "GET"), ("/healthz", "HEAD"):
            let problem = health.problem(at: monotonicMilliseconds())
            response = (problem == nil ? "200 OK" : "503 Service Unavailable", [], plain, "\(problem ?? "ok")\n")
        case ("/metrics", "GET"), ("/metrics", "HEAD"):
            response = ("200 OK", [], PrometheusMetrics.contentType, metrics.text())
        case ("/healthz", _), ("/metrics", _):
            response = ("405 Method Not Allowed", ["Allow: GET, HEAD"], plain, "GET or HEAD only\n")
        default:
            response = ("404 Not Found", [], plain, "not found\n")
        }
        let bytes = httpResponse(
            response.status, fields: response.fields, contentType: response.contentType, body: response.body)
        // The same head as for GET, Content-Length included. RFC 9110 section 9.3.2.
        return request.method == "HEAD" ? bytes.dropLast(response.body.utf8.count) : bytes
    }
}
