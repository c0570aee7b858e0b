package gcc

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// path is a bottleneck: packets leave it at its capacity, after a queue that drops
// what it cannot hold, and are lost by chance. Time is simulated.
type path struct {
	capacity float64 // bits per second
	queue    time.Duration
	delay    time.Duration // without a queue
	loss     float64

	free time.Duration // when the bottleneck is free
}

// carry returns when a packet arrives that comes to the bottleneck at at.
func (p *path) carry(at time.Duration, size int, rng *rand.Rand) (came time.Duration, ok bool) {
	start := max(at, p.free)
	if start-at > p.queue || rng.Float64() < p.loss {
		return 0, false
	}
	p.free = start + time.Duration(float64(size*8)/p.capacity*float64(time.Second))
	return p.free + p.delay, true
}

// trip is a sender, a path and a receiver that reports every 50 ms.
type trip struct {
	t     *testing.T
	e     *Estimator
	path  *path
	most  float64 // bits per second that there are to send
	rng   *rand.Rand
	begin time.Time
	now   time.Duration
	rec   *twcc.Recorder
	due   []arriving
	told  time.Duration
	back  []reply
	owed  float64
	fast  float64       // bits that came since reset
	held  time.Duration // longest time in the queue since reset
	since time.Duration
}

type arriving struct {
	seq  uint16
	at   time.Duration
	size int
}

type reply struct {
	at time.Duration
	b  []byte
}

func newTrip(t *testing.T, p *path, most float64) *trip {
	begin := time.Unix(1000, 0)
	return &trip{
		t: t, path: p, most: most, begin: begin, rng: rand.New(rand.NewPCG(1, 2)), rec: twcc.NewRecorder(1),
		e: New(Bounds{First: 3_000_000, Least: 100_000, Most: 50_000_000}, begin),
	}
}

// goOn runs the trip for d, in steps of a millisecond, with 30 pictures a second
// whose packets leave together.
func (r *trip) goOn(d time.Duration) {
	r.t.Helper()
	const size = 1200
	r.fast, r.held, r.since = 0, 0, r.now
	for end := r.now + d; r.now < end; r.now += time.Millisecond {
		if r.now%(33*time.Millisecond) == 0 {
			r.owed += min(float64(r.e.Target()), r.most) * 0.033
			for ; r.owed > 0; r.owed -= size * 8 {
				seq := r.e.Sent(size, r.begin.Add(r.now))
				if came, ok := r.path.carry(r.now, size, r.rng); ok {
					r.due = append(r.due, arriving{seq, came, size})
					r.held = max(r.held, came-r.now-r.path.delay)
				}
			}
		}
		for len(r.due) > 0 && r.due[0].at <= r.now {
			r.rec.Record(2, r.due[0].seq, r.due[0].at.Microseconds())
			r.fast += float64(r.due[0].size * 8)
			r.due = r.due[1:]
		}
		if r.now-r.told >= 50*time.Millisecond {
			r.told = r.now
			for _, p := range r.rec.BuildFeedbackPacket() {
				b, err := rtcp.Marshal([]rtcp.Packet{p})
				if err != nil {
					r.t.Fatal(err)
				}
				r.back = append(r.back, reply{r.now + r.path.delay, b})
			}
		}
		for len(r.back) > 0 && r.back[0].at <= r.now {
			if err := r.e.Feedback(r.back[0].b, r.begin.Add(r.now)); err != nil {
				r.t.Fatal(err)
			}
			r.back = r.back[1:]
		}
	}
}

// rate is what came since the last goOn began, bits per second.
func (r *trip) rate() float64 { return r.fast / (r.now - r.since).Seconds() }

func (r *trip) between(what string, got, least, most float64) {
	r.t.Helper()
	if got < least || got > most {
		r.t.Errorf("%s: %.0f, want %.0f to %.0f", what, got, least, most)
	}
}

func TestAGreedySenderFillsThePath(t *testing.T) {
	for _, capacity := range []float64{500_000, 2_000_000, 8_000_000} {
		p := &path{capacity: capacity, queue: 300 * time.Millisecond, delay: 20 * time.Millisecond}
		r := newTrip(t, p, 1e9)
		r.goOn(20 * time.Second)
		r.goOn(20 * time.Second)
		t.Logf("%.0f: %.0f came, at most %v in the queue", capacity, r.rate(), r.held)
		r.between("what came", r.rate(), 0.6*capacity, 1.01*capacity)
		r.between("ms in the queue", milliseconds(r.held), 0, 250)
	}
}

func TestAPathThatNarrowsAndWidens(t *testing.T) {
	p := &path{capacity: 6_000_000, queue: 500 * time.Millisecond, delay: 30 * time.Millisecond}
	r := newTrip(t, p, 4_000_000)
	r.goOn(15 * time.Second)
	r.between("before", r.rate(), 3_000_000, 4_050_000)
	p.capacity = 1_000_000
	r.goOn(3 * time.Second)
	r.between("the estimate 3 s after it got narrow", float64(r.e.Target()), 300_000, 1_200_000)
	r.goOn(10 * time.Second)
	r.between("while it is narrow", r.rate(), 500_000, 1_010_000)
	p.capacity = 6_000_000
	r.goOn(30 * time.Second)
	r.between("the estimate after it got wide", float64(r.e.Target()), 2_500_000, 50_000_000)
}

func TestASenderWithLittleToSendIsNotHeldDown(t *testing.T) {
	p := &path{capacity: 1_000_000, queue: 300 * time.Millisecond, delay: 20 * time.Millisecond}
	r := newTrip(t, p, 3_000_000)
	r.goOn(10 * time.Second)
	p.capacity, r.most = 10_000_000, 200_000 // the smallest layer is all that is sent
	r.goOn(40 * time.Second)
	r.between("the estimate", float64(r.e.Target()), 1_000_000, 50_000_000)
}

func TestLossesByChance(t *testing.T) {
	for _, c := range []struct{ loss, least, most float64 }{
		{0.01, 2_500_000, 4_100_000}, // of the radio: nothing is gained by sending less
		{0.30, 90_000, 1_500_000},
	} {
		p := &path{capacity: 20_000_000, queue: 300 * time.Millisecond, delay: 20 * time.Millisecond, loss: c.loss}
		r := newTrip(t, p, 4_000_000)
		r.goOn(20 * time.Second)
		t.Logf("%.0f %% lost: the estimate is %d", 100*c.loss, r.e.Target())
		r.between("sent", min(float64(r.e.Target()), r.most), c.least, c.most)
	}
}

func TestFeedbackThatSaysNothing(t *testing.T) {
	now := time.Unix(1000, 0)
	e := New(Bounds{First: 3_000_000, Least: 100_000, Most: 50_000_000}, now)
	good, err := rtcp.Marshal([]rtcp.Packet{&rtcp.TransportLayerCC{
		Header:     rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
		SenderSSRC: 1, MediaSSRC: 2, BaseSequenceNumber: 0, PacketStatusCount: 2, ReferenceTime: 1,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{Type: rtcp.TypeTCCRunLengthChunk, PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 2}},
		RecvDeltas:   []*rtcp.RecvDelta{{Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: 250}, {Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: 250}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Feedback(good, now); err != nil {
		t.Errorf("packets that were never sent: %v", err)
	}
	for n := range good {
		if e.Feedback(good[:n], now) == nil {
			t.Errorf("%d bytes of %d were taken", n, len(good))
		}
	}
	for i, v := range map[int]byte{0: 0x8e, 1: 201, 3: 1, 14: 0xff, 20: 0x60, 21: 0} {
		b := append([]byte(nil), good...)
		b[i] = v
		if e.Feedback(b, now) == nil {
			t.Errorf("byte %d as %#x was taken", i, v)
		}
	}
	if e.Target() != 3_000_000 {
		t.Errorf("the estimate has become %d", e.Target())
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add([]byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 1, 0, 0x20, 2, 1, 1})
	f.Add([]byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xf0, 0, 14, 0x80, 0, 1, 0, 0xd5, 0x55, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		now := time.Unix(1000, 0)
		e := New(Bounds{First: 3_000_000, Least: 100_000, Most: 50_000_000}, now)
		for i := range 100 {
			e.Sent(1200, now.Add(time.Duration(i)*time.Millisecond))
		}
		_ = e.Feedback(b, now.Add(time.Second))
		_ = e.Feedback(b, now.Add(2*time.Second))
		if v := e.Target(); v < 100_000 || v > 50_000_000 {
			t.Errorf("the estimate is %d", v)
		}
	})
}

func BenchmarkPacket(b *testing.B) {
	now := time.Unix(1000, 0)
	e := New(Bounds{First: 3_000_000, Least: 100_000, Most: 50_000_000}, now)
	rec := twcc.NewRecorder(1)
	for i := range b.N {
		at := now.Add(time.Duration(i) * time.Millisecond)
		rec.Record(2, e.Sent(1200, at), int64(i)*1000)
		if i%100 == 99 {
			b.StopTimer()
			raw, err := rtcp.Marshal(rec.BuildFeedbackPacket())
			b.StartTimer()
			if err != nil || e.Feedback(raw, at) != nil {
				b.Fatal(err)
			}
		}
	}
}
