package main

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"muster/internal/bus"
	"muster/media/mcu"
	"muster/web/situation"
)

const (
	// hearEvery is how often rooms are asked who talks, while somebody is in one
	// and a page shows it.
	hearEvery = 250 * time.Millisecond
	// recount is how often everything is read anew: facts may have been dropped.
	recount = 5 * time.Second
)

// presence shows the pages of the map who is in which room and who talks.
type presence struct {
	rooms *mcu.Rooms
	hub   *situation.Hub
	bus   *bus.Bus
}

// shown is what the pages were shown last.
type shown struct {
	moved   bool // somebody has come or gone, or a room has changed, since
	at      time.Time
	live    int // rooms with somebody in
	rooms   []situation.Room
	talking map[string][]string
}

// Run shows it until ctx ends.
func (p presence) Run(ctx context.Context) error {
	const held = 256 // facts
	sub := p.bus.Subscribe(held)
	defer sub.Close()
	defer func() {
		p.hub.ShowTalking(nil)
		p.hub.ShowRooms(nil)
	}()
	tick := time.NewTicker(hearEvery)
	defer tick.Stop()
	last := shown{moved: true}
	for {
		beat := tick.C
		if last.live == 0 && !last.moved {
			beat = nil // nothing changes before the next fact
		}
		select {
		case <-ctx.Done():
			return nil
		case f := <-sub.C:
			switch f.Kind {
			case mcu.FactOpened, mcu.FactClosed, mcu.FactJoined, mcu.FactLeft, mcu.FactChange:
				last.moved = true
			}
		case now := <-beat:
			p.look(&last, now)
		}
	}
}

// look shows what has changed.
func (p presence) look(last *shown, now time.Time) {
	live := p.rooms.LiveRooms()
	last.live = len(live)
	if len(live) > 0 && !p.hub.Watched() {
		last.moved = true // shown as soon as somebody looks
		return
	}
	if last.moved || now.Sub(last.at) >= recount {
		last.moved, last.at = false, now
		if rooms := peopled(live); !reflect.DeepEqual(rooms, last.rooms) {
			last.rooms = rooms
			p.hub.ShowRooms(rooms)
		}
	}
	talking := make(map[string][]string)
	for _, m := range live {
		if ids := m.Talking(); len(ids) > 0 {
			talking[m.Settings().Name.String()] = ids
		}
	}
	if !maps.EqualFunc(talking, last.talking, slices.Equal[[]string]) {
		last.talking = talking
		p.hub.ShowTalking(talking)
	}
}

// peopled are rooms as the pages show them, by name.
func peopled(live []*mcu.Room) []situation.Room {
	out := make([]situation.Room, 0, len(live))
	for _, m := range live {
		s := m.Settings()
		r := situation.Room{Name: s.Name.String(), Title: s.Title, Resource: m.Resource()}
		for _, p := range m.People() {
			r.People = append(r.People, situation.Person{ID: p.ID, Name: p.Name, User: p.User, Kind: string(p.Kind), Device: p.Device})
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b situation.Room) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
