package floor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// step is something that happens ms after the beginning, and what follows.
type step struct {
	ms     int
	do     string // "speak", "ask", "let go", "wait"
	who    string
	rank   Rank
	ok     bool   // of speak and ask
	holder string // afterwards
	news   string // such as "+bert taken" or "-bert"
}

func TestFloor(t *testing.T) {
	for name, steps := range map[string][]step{
		"the first who talks has it until silence": {
			{0, "speak", "anna", Common, true, "anna", ""},
			{20, "speak", "bert", Common, false, "anna", "+bert taken"},
			{400, "speak", "anna", Common, true, "anna", ""},
			{519, "wait", "", 0, false, "anna", ""},
			{520, "wait", "", 0, false, "anna", "-bert"},
			{899, "wait", "", 0, false, "anna", ""},
			{900, "wait", "", 0, false, "", ""},
			{901, "speak", "bert", Common, true, "bert", ""},
		},
		"who talked in vain has to let go before it is free for them": {
			{0, "speak", "anna", Common, true, "anna", ""},
			{100, "speak", "bert", Common, false, "anna", "+bert taken"},
			{200, "let go", "anna", 0, false, "", ""},
			{220, "speak", "bert", Common, false, "", ""},
			{300, "speak", "carl", Common, true, "carl", ""},
			{310, "let go", "carl", 0, false, "", ""},
			{330, "let go", "bert", 0, false, "", "-bert"},
			{340, "speak", "bert", Common, true, "bert", ""},
		},
		"a priority speaker takes it from others, and not from an equal": {
			{0, "speak", "anna", Common, true, "anna", ""},
			{10, "speak", "host", Priority, true, "host", "+anna overridden"},
			{20, "speak", "anna", Common, false, "host", ""},
			{30, "speak", "second", Priority, false, "host", "+second taken"},
			{40, "let go", "host", 0, false, "", ""},
			{50, "speak", "anna", Common, false, "", ""},
			{60, "let go", "anna", 0, false, "", "-anna"},
			{70, "speak", "anna", Common, true, "anna", ""},
		},
		"an emergency overrides everybody, whoever has to let go first": {
			{0, "speak", "host", Priority, true, "host", ""},
			{10, "speak", "anna", Common, false, "host", "+anna taken"},
			{20, "speak", "anna", Emergency, true, "anna", "+host overridden -anna"},
			{30, "speak", "host", Priority, false, "anna", ""},
			{40, "speak", "bert", Emergency, false, "anna", "+bert taken"},
		},
		"an emergency has no limit, and when it is over it counts from then": {
			{0, "ask", "anna", Emergency, true, "anna", ""},
			{1400, "speak", "anna", Emergency, true, "anna", ""},
			{1800, "speak", "anna", Emergency, true, "anna", ""},
			{2200, "speak", "anna", Common, true, "anna", ""},
			{2600, "speak", "anna", Common, true, "anna", ""},
			{3000, "speak", "anna", Common, true, "anna", ""},
			{3200, "wait", "", 0, false, "", "+anna limit"},
		},
		"at the limit one is cut, and is silent before the next time": {
			{0, "speak", "anna", Common, true, "anna", ""},
			{400, "speak", "anna", Common, true, "anna", ""},
			{800, "speak", "anna", Common, true, "anna", ""},
			{999, "wait", "", 0, false, "anna", ""},
			{1000, "speak", "anna", Common, false, "", "+anna limit"},
			{1010, "speak", "bert", Common, true, "bert", ""},
			{1030, "let go", "bert", 0, false, "", ""},
			{1400, "speak", "anna", Common, false, "", ""},
			{1900, "speak", "anna", Common, true, "anna", "-anna"},
		},
		"who asks has it for a while without a word": {
			{0, "ask", "anna", Common, true, "anna", ""},
			{10, "speak", "bert", Common, false, "anna", "+bert taken"},
			{15, "let go", "bert", 0, false, "anna", "-bert"},
			{20, "ask", "bert", Common, false, "anna", ""},
			{400, "speak", "anna", Common, true, "anna", ""},
			{999, "wait", "", 0, false, "anna", ""},
			{1000, "wait", "", 0, false, "", "+anna limit"},
		},
		"who asked and says nothing loses it": {
			{0, "ask", "anna", Emergency, true, "anna", ""},
			{1999, "wait", "", 0, false, "anna", ""},
			{2000, "wait", "", 0, false, "", ""},
		},
		"whoever is gone leaves nothing": {
			{0, "speak", "anna", Common, true, "anna", ""},
			{10, "let go", "bert", 0, false, "anna", ""},
			{10, "let go", "anna", 0, false, "", ""},
			{10, "let go", "anna", 0, false, "", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := New[string](time.Second)
			for i, s := range steps {
				now := began.Add(time.Duration(s.ms) * time.Millisecond)
				ok := false
				switch s.do {
				case "speak":
					ok = f.Speak(s.who, s.rank, now)
				case "ask":
					ok = f.Ask(s.who, s.rank, now)
				case "let go":
					f.LetGo(s.who)
				case "wait":
					f.Step(now)
				}
				news, _ := f.News()
				var told []string
				for _, n := range news {
					if n.Vain {
						told = append(told, fmt.Sprintf("+%s %s", n.Who, n.Reason))
					} else {
						told = append(told, "-"+n.Who)
					}
				}
				if got := strings.Join(told, " "); ok != s.ok || f.Now().Who != s.holder || got != s.news {
					t.Errorf("step %d, %s %s at %d ms: %t, %q has it, news %q", i, s.do, s.who, s.ms, ok, f.Now().Who, got)
				}
				if next, due := f.Next(); due && !next.After(now) {
					t.Errorf("step %d: the next is due %v before it", i, now.Sub(next))
				}
			}
		})
	}
}

func TestTheLimitChangesForWhoTalks(t *testing.T) {
	f := New[string](time.Minute)
	f.Speak("anna", Common, began)
	if h := f.Now(); !h.Until.Equal(began.Add(time.Minute)) || !h.Since.Equal(began) {
		t.Errorf("%+v", h)
	}
	f.News()
	f.SetLimit(10 * time.Second)
	if _, moved := f.News(); !moved || !f.Now().Until.Equal(began.Add(10*time.Second)) {
		t.Errorf("moved %t, %+v", moved, f.Now())
	}
	if next, ok := f.Next(); !ok || !next.Equal(began.Add(Hang)) {
		t.Errorf("next %v %t", next, ok)
	}
	f.LetGo("anna")
	if _, ok := f.Next(); ok || len(f.InVain()) > 0 {
		t.Error("a free floor waits for something")
	}
}
