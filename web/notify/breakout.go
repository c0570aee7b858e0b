package notify

import (
	"time"

	"muster/media/mcu"
)

type (
	breakoutData struct {
		Rooms []struct {
			Title        string   `json:"title"`
			Participants []string `json:"participants"`
		} `json:"rooms"`
		Minutes int  `json:"minutes"` // 0: until a host ends it
		Free    bool `json:"free"`
	}
	moveData struct {
		Room        string `json:"room"`
		Participant string `json:"participant"` // empty: oneself
	}
	announceData struct {
		Text string `json:"text"`
	}
)

func (d breakoutData) division() mcu.Division {
	out := mcu.Division{Free: d.Free}
	for _, b := range d.Rooms {
		out.Rooms = append(out.Rooms, mcu.Breakout(b))
	}
	if d.Minutes != 0 {
		out.Ends = time.Now().Add(time.Duration(min(max(d.Minutes, -1), maxMinutes)) * time.Minute)
	}
	return out
}

// maxMinutes is more than breakout rooms may last, and keeps sums of times in
// their bounds.
const maxMinutes = 100_000
