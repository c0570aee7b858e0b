package obs

import (
	"errors"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"muster/internal/run"
)

const namespace = "muster"

// The label names that all parts share.
const (
	LabelPart   = "part"   // "rtsp", "web", …
	LabelReason = "reason" // of a drop, refusal or failure; from a fixed list, never text of a peer
)

// Metrics is the registry of one server. Names are given without their prefix
// muster_. Asking twice for the same metric returns the same one, so parts can
// share it; asking for it with other labels or another type panics, being a
// mistake in the program that shows at its start.
type Metrics struct{ reg *prometheus.Registry }

// NewMetrics returns a registry with what describes the process: Go runtime,
// process, muster_build_info and muster_panics_total.
func NewMetrics(version string) *Metrics {
	m := &Metrics{prometheus.NewRegistry()}
	m.reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		panics{prometheus.NewDesc(namespace+"_panics_total", "Panics caught at the top of a connection or job; each one is a bug.", []string{LabelPart}, nil)},
	)
	m.Gauge("build_info", "What runs here; always 1.", "version", "revision", "goversion").
		WithLabelValues(version, revision(), runtime.Version()).Set(1)
	return m
}

// revision is the commit that the program was built from.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

// Counter returns a counter; its name ends in _total.
func (m *Metrics) Counter(name, help string, labels ...string) *prometheus.CounterVec {
	return register(m, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

// Gauge returns a value that goes up and down.
func (m *Metrics) Gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return register(m, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

// Histogram returns a distribution over buckets (upper bounds, rising).
func (m *Metrics) Histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return register(m, prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels))
}

// GaugeFunc registers a value that is asked for at each scrape. f is called
// from any goroutine and must be quick.
func (m *Metrics) GaugeFunc(name, help string, f func() float64) {
	m.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, f))
}

// Register adds a collector of a part's own. Its metrics carry their full names.
func (m *Metrics) Register(c prometheus.Collector) error { return m.reg.Register(c) }

// register returns c, or what was registered under its name before.
func register[T prometheus.Collector](m *Metrics, c T) T {
	err := m.reg.Register(c)
	if err == nil {
		return c
	}
	var before prometheus.AlreadyRegisteredError
	if errors.As(err, &before) {
		if same, ok := before.ExistingCollector.(T); ok {
			return same
		}
	}
	panic(err)
}

// Handler serves /metrics. It asks for no login: mount it where only those come
// who may see it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// panics reads the counts of package run.
type panics struct{ desc *prometheus.Desc }

// Describe implements prometheus.Collector.
func (p panics) Describe(ch chan<- *prometheus.Desc) { ch <- p.desc }

// Collect implements prometheus.Collector.
func (p panics) Collect(ch chan<- prometheus.Metric) {
	run.PanicsByPart(func(part string, n int64) {
		ch <- prometheus.MustNewConstMetric(p.desc, prometheus.CounterValue, float64(n), part)
	})
}
