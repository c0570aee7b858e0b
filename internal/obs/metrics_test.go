package obs

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"muster/internal/run"
)

func TestMetrics(t *testing.T) {
	m := NewMetrics("1.2.3")
	m.Counter("drops_total", "Dropped.", LabelPart, LabelReason).WithLabelValues("rtsp", "slow").Add(2)
	m.Counter("drops_total", "Dropped.", LabelPart, LabelReason).WithLabelValues("rtsp", "slow").Inc()
	m.Gauge("sessions", "Open sessions.", LabelPart).WithLabelValues("web").Set(4)
	m.GaugeFunc("certificate_expiry_seconds", "Seconds.", func() float64 { return 7 })
	m.Histogram("wait_seconds", "Waited.", []float64{1, 2}).WithLabelValues().Observe(1.5)
	func() {
		defer run.Recover(slog.New(slog.DiscardHandler), "metrics-test")
		panic("x")
	}()
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`muster_drops_total{part="rtsp",reason="slow"} 3`, `muster_sessions{part="web"} 4`, `muster_certificate_expiry_seconds 7`,
		`muster_wait_seconds_bucket{le="2"} 1`, `muster_panics_total{part="metrics-test"} 1`, `muster_build_info{goversion="go`,
		`version="1.2.3"} 1`, "go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %s", want)
		}
	}
	families, err := m.reg.Gather()
	if err != nil {
		t.Error(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, namespace) {
			t.Error(p.Metric, p.Text)
		}
	}
	for name, f := range map[string]func(){
		"other labels": func() { m.Counter("drops_total", "Dropped.", LabelPart) },
		"other type":   func() { m.Gauge("drops_total", "Dropped.", LabelPart, LabelReason) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", name)
				}
			}()
			f()
		}()
	}
}
