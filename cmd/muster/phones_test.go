package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/internal/store/storetest"
	"muster/media"
	"muster/media/mcu"
	"muster/sip"
	"muster/sip/prompt"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

// handset is a call that remembers what the room does with it.
type handset struct {
	mu     sync.Mutex
	kicked error
	said   []prompt.Name
}

func (h *handset) Kick(reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kicked = reason
}
func (h *handset) RequestKeyFrame() {}
func (h *handset) Say(names ...prompt.Name) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, names...)
}

func (h *handset) ended() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kicked
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// openPhones makes rooms that run until the test ends, with one called briefing.
func openPhones(t *testing.T) phones {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b, sessions := bus.New(), auth.NewSessions(nil)
	rooms, err := mcu.New(t.Context(), mcu.DefaultConfig(), mcu.Deps{DB: storetest.Open(t, storetest.Config(t, "sqlite")),
		Router: media.New(media.DefaultConfig(), sessions, b, log), Sessions: sessions, Bus: b, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = rooms.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	if _, err := rooms.Create(t.Context(), auth.System("test"), mcu.Settings{Name: safename.MustParse("briefing"), Groups: []string{"red"}, PIN: "4711"}); err != nil {
		t.Fatal(err)
	}
	return phones{rooms, log}
}

// dial calls a phone into the room.
func (p phones) dial(t *testing.T, number string) (phone *handset, seat sip.Seat) {
	t.Helper()
	phone = &handset{}
	eventually(t, "the rooms to run", func() bool {
		var err error
		seat, err = p.Join(t.Context(), sip.JoinRequest{Room: "briefing", Number: number, PIN: "4711", Remote: netip.MustParseAddrPort("192.0.2.7:5060"), Leg: phone})
		return err == nil
	})
	return phone, seat
}

func TestACallMovesToABreakoutRoomAndBack(t *testing.T) {
	p := openPhones(t)
	phone, seat := p.dial(t, "100")
	var heard atomic.Int64
	talk, _ := seat.Audio(sdp.Format{Name: "PCMU", ClockRate: 8000}, func([]byte, int) { heard.Add(1) })
	in := func(room string) []mcu.Member {
		if live := p.rooms.Live(room); live != nil {
			return live.Members()
		}
		return nil
	}
	eventually(t, "the mix", func() bool { return heard.Load() > 0 })
	host := auth.System("test")
	if _, err := p.rooms.Split(t.Context(), host, "briefing", mcu.Division{Rooms: []mcu.Breakout{{Participants: []string{in("briefing")[0].ID}}}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the call to move", func() bool { return len(in("briefing-1")) == 1 && len(in("briefing")) == 0 })
	before := heard.Load()
	eventually(t, "the mix of the other room", func() bool { return heard.Load() > before+2 })
	talk(rtp.Packet{Seq: 1, Payload: make([]byte, 160)})
	eventually(t, "the caller to be told", func() bool {
		phone.mu.Lock()
		defer phone.mu.Unlock()
		return len(phone.said) == 2 && phone.said[1] == prompt.Joined
	})
	if m := in("briefing-1")[0]; m.Muted || m.Name != "100" || m.User != "" {
		t.Errorf("moved as %+v", m)
	}
	seat.Key('*')
	seat.Key('6')
	eventually(t, "the microphone to be off", func() bool { return in("briefing-1")[0].Muted })
	if err := p.rooms.Merge(host, "briefing"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the call to come back", func() bool { return len(in("briefing")) == 1 && len(in("briefing-1")) == 0 })
	eventually(t, "it to be muted as it was", func() bool { return in("briefing")[0].Muted })
	if err := phone.ended(); err != nil {
		t.Errorf("the call was ended: %v", err)
	}
	seat.Close()
	eventually(t, "the call to leave", func() bool { return len(in("briefing")) == 0 })
}

func TestACallThatIsShownOutEnds(t *testing.T) {
	p := openPhones(t)
	phone, seat := p.dial(t, "100")
	defer seat.Close()
	m, err := p.rooms.Moderator(auth.System("test"), "briefing")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Kick(p.rooms.Live("briefing").Members()[0].ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the call to end", func() bool { return phone.ended() != nil })
}

func TestACallerHearsOfAnEmergency(t *testing.T) {
	p := openPhones(t)
	join := func(number string) (*handset, sip.Seat) {
		phone, seat := p.dial(t, number)
		t.Cleanup(seat.Close)
		return phone, seat
	}
	told := func(phone *handset, want ...prompt.Name) {
		t.Helper()
		eventually(t, fmt.Sprintf("a caller to be told %v", want), func() bool {
			phone.mu.Lock()
			defer phone.mu.Unlock()
			return slices.Equal(phone.said, want)
		})
	}
	first, seat := join("100")
	told(first, prompt.Joined)
	room := p.rooms.Live("briefing")
	room.Tell("911 Alert: FALKE 2", mcu.Notice{Type: mcu.NoticeEmergency, Kind: "911 Alert", Callsign: "FALKE 2"})
	told(first, prompt.Joined, prompt.Emergency)
	second, _ := join("101")
	told(second, prompt.Emergency)
	seat.Key('*')
	seat.Key('6')
	told(first, prompt.Joined, prompt.Emergency, prompt.Muted)
	room.Tell("911 Alert: FALKE 2, cancelled", mcu.Notice{Type: mcu.NoticeCancelled, Kind: "911 Alert", Callsign: "FALKE 2"})
	told(second, prompt.Emergency, prompt.Cancelled)
	third, _ := join("102")
	told(third, prompt.Joined)
}

func TestACallerIsToldThatTheRoomIsRecorded(t *testing.T) {
	p := openPhones(t)
	phone, seat := p.dial(t, "100")
	t.Cleanup(seat.Close)
	tell := func(recording bool) {
		seat.(*phoneSeat).heard.Notify(mcu.Event{Type: mcu.EventRoom, Data: mcu.View{Recording: recording}})
	}
	times := func() (n int) {
		phone.mu.Lock()
		defer phone.mu.Unlock()
		for _, said := range phone.said {
			if said == prompt.Recorded {
				n++
			}
		}
		return n
	}
	tell(true)
	eventually(t, "the caller to be told", func() bool { return times() == 1 })
	tell(true)
	seat.Key('*')
	seat.Key('6')
	eventually(t, "the microphone to be off", func() bool {
		phone.mu.Lock()
		defer phone.mu.Unlock()
		return phone.said[len(phone.said)-1] == prompt.Muted
	})
	if n := times(); n != 1 {
		t.Errorf("the caller is told %d times", n)
	}
	eventually(t, "the caller to be told of the next one", func() bool {
		tell(false) // of its end there is no word
		time.Sleep(time.Millisecond)
		tell(true)
		return times() > 1
	})
}
