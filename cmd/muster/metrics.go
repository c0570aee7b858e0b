package main

import (
	"reflect"
	"strings"
	"sync"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"muster/internal/auth"
	"muster/media"
)

// statistics exports what the parts count. Each part has a method Stats that
// returns a struct; its whole-number fields become metrics called
// muster_<part>_<field>. A restarted part counts from zero again, as Prometheus
// expects of a restarted process.
type statistics struct {
	router   *media.Router
	sessions *auth.Sessions

	mu    sync.Mutex // guards parts
	parts map[string]func() reflect.Value
}

func newStatistics(r *media.Router, s *auth.Sessions) *statistics {
	return &statistics{router: r, sessions: s, parts: make(map[string]func() reflect.Value)}
}

// add exports the counters of server, if it has a method Stats, under the name
// of its part.
func (s *statistics) add(part string, server any) {
	m := reflect.ValueOf(server).MethodByName("Stats")
	if !m.IsValid() || m.Type().NumIn() != 0 || m.Type().NumOut() != 1 || m.Type().Out(0).Kind() != reflect.Struct {
		return
	}
	s.mu.Lock()
	s.parts[part] = func() reflect.Value { return m.Call(nil)[0] }
	s.mu.Unlock()
}

var (
	streamsDesc  = prometheus.NewDesc("muster_media_streams", "Live streams.", nil, nil)
	readersDesc  = prometheus.NewDesc("muster_media_readers", "Readers of a stream.", []string{"stream", "protocol"}, nil)
	bytesInDesc  = prometheus.NewDesc("muster_media_received_bytes_total", "Media received from a stream's publisher.", []string{"stream"}, nil)
	bytesOutDesc = prometheus.NewDesc("muster_media_sent_bytes_total", "Media delivered to a stream's readers.", []string{"stream"}, nil)
	jumpsDesc    = prometheus.NewDesc("muster_media_skips_total", "Times a reader was too slow and skipped to a key frame.", []string{"stream"}, nil)
	badDesc      = prometheus.NewDesc("muster_media_bad_units_total", "Access units that could not be used.", []string{"stream"}, nil)
	sessionsDesc = prometheus.NewDesc("muster_sessions", "Open sessions.", []string{"protocol", "action"}, nil)
)

// Describe implements prometheus.Collector. The parts' metrics are not known
// beforehand, which makes the collector an unchecked one.
func (s *statistics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *statistics) Collect(out chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	streams := s.router.List(auth.System("metrics"))
	out <- prometheus.MustNewConstMetric(streamsDesc, prometheus.GaugeValue, float64(len(streams)))
	for _, st := range streams {
		in := st.Info()
		counter(bytesInDesc, in.BytesIn, in.Name)
		counter(bytesOutDesc, in.BytesOut, in.Name)
		counter(jumpsDesc, in.Jumps, in.Name)
		counter(badDesc, in.BadUnits, in.Name)
		for protocol, n := range in.Readers {
			out <- prometheus.MustNewConstMetric(readersDesc, prometheus.GaugeValue, float64(n), in.Name, protocol)
		}
	}
	open := make(map[[2]string]int)
	for _, ses := range s.sessions.List() {
		open[[2]string{ses.Protocol, string(ses.Action)}]++
	}
	for k, n := range open {
		out <- prometheus.MustNewConstMetric(sessionsDesc, prometheus.GaugeValue, float64(n), k[0], k[1])
	}
	s.collectParts(out)
}

func (s *statistics) collectParts(out chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for part, stats := range s.parts {
		v := stats()
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || !v.Field(i).CanInt() {
				continue
			}
			d := prometheus.NewDesc("muster_"+part+"_"+snake(f.Name), "Count of the part "+part+": "+f.Name+".", nil, nil)
			out <- prometheus.MustNewConstMetric(d, prometheus.UntypedValue, float64(v.Field(i).Int()))
		}
	}
}

// snake turns PacketsIn into packets_in.
func snake(name string) string {
	var b strings.Builder
	var last rune
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(last) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		last = r
	}
	return b.String()
}
