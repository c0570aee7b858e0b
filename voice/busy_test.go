package voice

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

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
