package voice

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"muster/internal/auth"
	"muster/voice/wire"
)

// TestEverythingAtOnce has many clients come, go, move, talk and make channels
// while rights and rooms change. The clients complain about whatever a real one
// would not understand, and at the end everybody who stays knows the same.
func TestEverythingAtOnce(t *testing.T) {
	h := newHouse()
	s := serve(t, h, func(c *Config, d *Deps) { c.PerDevice, d.Bridge = 50, &room{} })
	end := time.Now().Add(1500 * time.Millisecond)
	var wg sync.WaitGroup
	for i, who := range []string{"alice", "bob", "carol", "dave", "listener", "talker", "op", "root"} {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for n := 0; time.Now().Before(end); n++ {
				c, err := s.dial(credentials{name: who + slotMark + strconv.Itoa(n%3), password: "pw " + who, opus: true})
				if err != nil {
					t.Error(err)
					return
				}
				wander(c, r, end)
				c.close()
			}
		})
	}
	wg.Go(func() {
		ops := Entry{Key: "rooms/ops", Name: "ops", Resource: auth.Room("rooms/ops", []string{"blue"})}
		for n := 0; time.Now().Before(end); n++ {
			groups := []string{"blue"}
			if n%2 == 0 {
				groups = []string{"red", "blue"}
			}
			ops.Resource = auth.Room("rooms/ops", groups)
			if n%5 == 0 {
				h.set(group("blue"), group("red"))
			} else {
				h.set(group("blue"), group("red"), ops)
			}
			h.grant("dave", both([]string{"blue", "red"}[n%2]))
			h.grant("bob", auth.Grant{Group: "blue", Out: true, In: n%2 == 0})
			time.Sleep(7 * time.Millisecond)
		}
	})
	wg.Go(func() {
		for n := 0; time.Now().Before(end); n++ {
			seat, err := s.Seat("rooms/ops", VirtualUser{Name: "browser"})
			if err != nil {
				time.Sleep(time.Millisecond)
				continue
			}
			for k := range 5 {
				seat.Voice(uint64(2*k), frame20(byte(k)), k == 4)
				seat.SetState(k%2 == 0, false)
				time.Sleep(time.Millisecond)
			}
			seat.Close()
		}
	})
	wg.Wait()
	h.set(group("blue"), group("red"))
	one, two := s.joined("alice", "blue"), s.joined("op", "blue")
	eventually(t, "all others are gone", func() bool { return s.Stats().Users == 2 && s.Stats().Channels == 3 })
	one.settle()
	two.settle()
	eventually(t, "both know the same", func() bool {
		one.mu.Lock()
		defer one.mu.Unlock()
		two.mu.Lock()
		defer two.mu.Unlock()
		return len(one.users) == 2 && len(two.users) == 2
	})
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.users) != 2 || len(s.names) != 2 || len(s.places) != 2 || s.temporaries != 0 || len(s.classes) > 2 {
		t.Errorf("%d users, %d names, %d places, %d temporary channels, %d classes are kept", len(s.users), len(s.names), len(s.places), s.temporaries, len(s.classes))
	}
	if n := len(h.sessions.List()); n != 2 {
		t.Errorf("%d sessions on the register", n)
	}
}

// wander does what a user may do, at random, for a while.
func wander(c *client, r *rand.Rand, end time.Time) {
	for range 5 + r.IntN(20) {
		if time.Now().After(end) {
			return
		}
		c.mu.Lock()
		var ids []uint32
		for id := range c.channels {
			ids = append(ids, id)
		}
		c.mu.Unlock()
		id := ids[r.IntN(len(ids))]
		switch r.IntN(8) {
		case 0, 1:
			c.send(&wire.UserState{Channel: new(id)})
		case 2:
			c.send(&wire.ChannelState{Parent: new(id), Name: new("net " + strconv.Itoa(r.IntN(5))), Temporary: new(true)})
		case 3:
			c.send(&wire.UserState{SelfMute: new(r.IntN(2) == 0), ListenAdd: []uint32{id}})
		case 4:
			c.send(&wire.ChannelState{ID: new(id), LinksAdd: ids[:1]})
		case 5:
			c.send(&wire.TextMessage{Channels: []uint32{id}, Text: new("hello")})
		case 6:
			c.send(&wire.ACL{Channel: new(id), Rules: []wire.ACLRule{{Group: new("all"), Deny: new(uint32(wire.Speak))}}})
		default:
			c.say(byte(r.IntN(2)), uint64(r.IntN(100)), frame20(1))
		}
		time.Sleep(time.Duration(r.IntN(4)) * time.Millisecond)
	}
}

// TestRandomMessages has a client that is logged in send whatever can be read as a
// message. Nothing of it may do harm to others.
func TestRandomMessages(t *testing.T) {
	h := newHouse()
	s := serve(t, h, func(_ *Config, d *Deps) { d.Bridge = &room{} })
	if _, err := s.Seat("group/blue", VirtualUser{Name: "browser"}); err != nil {
		t.Fatal(err)
	}
	bob := s.joined("bob", "blue")
	r := rand.New(rand.NewPCG(7, 7))
	types := []wire.Type{0, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 99}
	for _, who := range []string{"alice", "listener", "op"} {
		mallory := s.joined(who, "blue")
		s.mu.RLock()
		c := s.users[mallory.session].c
		s.mu.RUnlock()
		for range 3000 {
			c.limits = floods{} // of the goroutine that reads, which has nothing to read
			_ = c.handle(t.Context(), types[r.IntN(len(types))], randomFields(r, 2))
		}
		mallory.settle()
		mallory.close()
	}
	bob.settle()
	if bob.where("bob") == "" || s.Stats().Denied == 0 {
		t.Errorf("%+v", s.Stats())
	}
	eventually(t, "nothing is left of it", func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.clients == 1 && s.temporaries == 0
	})
}

// randomFields makes protobuf out of numbers that are sessions, channels and types.
func randomFields(r *rand.Rand, depth int) []byte {
	var b []byte
	for range r.IntN(6) {
		n := protowire.Number(1 + r.IntN(23))
		switch k := r.IntN(5); {
		case k < 3:
			b = protowire.AppendTag(b, n, protowire.VarintType)
			b = protowire.AppendVarint(b, []uint64{0, 1, 2, 3, 4, 5, 30, 1 << 31, 1<<64 - 1}[r.IntN(9)])
		case k == 3 && depth > 0:
			b = protowire.AppendTag(b, n, protowire.BytesType)
			b = protowire.AppendBytes(b, randomFields(r, depth-1))
		default:
			b = protowire.AppendTag(b, n, protowire.BytesType)
			b = protowire.AppendString(b, []string{"", "admin", "all", "!~in", "#t", "$ab", "net <b>", "group\x00", "\xff"}[r.IntN(9)])
		}
	}
	return b
}
