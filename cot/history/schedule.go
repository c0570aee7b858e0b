package history

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Schedule says when the clean-up runs. The zero Schedule is never.
type Schedule struct {
	every time.Duration
	cron  *cron
}

// minEvery keeps a clean-up from running all the time.
const minEvery = time.Minute

// ParseSchedule reads a schedule: "03:30" (daily), "every 6h", a cron expression
// of five fields or, with seconds first, of six, or "-" for never.
func ParseSchedule(s string) (Schedule, error) {
	fields := strings.Fields(s)
	switch {
	case len(s) > 200:
		return Schedule{}, fmt.Errorf("%w schedule: it is too long", ErrInvalid)
	case s == "" || s == "-":
		return Schedule{}, nil
	case len(fields) == 2 && fields[0] == "every":
		d, err := time.ParseDuration(fields[1])
		if err != nil || d < minEvery {
			return Schedule{}, fmt.Errorf("%w schedule: every wants a duration of at least a minute, such as 6h", ErrInvalid)
		}
		return Schedule{every: d}, nil
	case len(fields) == 1:
		t, err := time.Parse("15:04", s)
		if err != nil {
			return Schedule{}, fmt.Errorf("%w schedule: write a time such as 03:30, every 6h, a cron expression, or -", ErrInvalid)
		}
		c, err := parseCron([]string{"0", strconv.Itoa(t.Minute()), strconv.Itoa(t.Hour()), "*", "*", "*"})
		return Schedule{cron: c}, err
	case len(fields) == 5:
		fields = append([]string{"0"}, fields...)
	}
	if len(fields) != 6 {
		return Schedule{}, fmt.Errorf("%w schedule: a cron expression has five or six fields", ErrInvalid)
	}
	c, err := parseCron(fields)
	return Schedule{cron: c}, err
}

// Next returns the first time after t, in t's time zone; zero is never.
func (s Schedule) Next(t time.Time) time.Time {
	switch {
	case s.every > 0:
		return t.Add(s.every)
	case s.cron != nil:
		return s.cron.next(t)
	}
	return time.Time{}
}

// cron is a set of seconds, minutes, hours, days of the month, months and days of
// the week, each as bits.
type cron struct {
	second, minute, hour, dom, month, dow uint64
	anyDom, anyDow                        bool
}

var cronNames = map[string]int{
	"JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
	"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6,
}

func parseCron(f []string) (*cron, error) {
	c := &cron{anyDom: f[3] == "*" || f[3] == "?", anyDow: f[5] == "*" || f[5] == "?"}
	for i, field := range []struct {
		to     *uint64
		lo, hi int
	}{{&c.second, 0, 59}, {&c.minute, 0, 59}, {&c.hour, 0, 23}, {&c.dom, 1, 31}, {&c.month, 1, 12}, {&c.dow, 0, 7}} {
		set, err := cronSet(f[i], field.lo, field.hi)
		if err != nil {
			return nil, err
		}
		*field.to = set
	}
	if c.dow&(1<<7) != 0 { // 7 is Sunday, too
		c.dow |= 1
	}
	return c, nil
}

// cronSet reads one field: lists of *, ?, n, n-m, each with an optional /step.
func cronSet(s string, lo, hi int) (uint64, error) {
	var set uint64
	for part := range strings.SplitSeq(s, ",") {
		area, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 || n > hi {
				return 0, fmt.Errorf("%w schedule: %q is no step", ErrInvalid, stepText)
			}
			step = n
		}
		from, to := lo, hi
		if area != "*" && area != "?" {
			a, b, ranged := strings.Cut(area, "-")
			var ok bool
			if from, ok = cronNumber(a, lo, hi); !ok {
				return 0, fmt.Errorf("%w schedule: %q is not from %d to %d", ErrInvalid, a, lo, hi)
			}
			if to = from; stepped {
				to = hi
			}
			if ranged {
				if to, ok = cronNumber(b, lo, hi); !ok || to < from {
					return 0, fmt.Errorf("%w schedule: %q is no range", ErrInvalid, area)
				}
			}
		}
		for n := from; n <= to; n += step {
			set |= 1 << n
		}
	}
	return set, nil
}

func cronNumber(s string, lo, hi int) (int, bool) {
	if n, ok := cronNames[strings.ToUpper(s)]; ok && n >= lo && n <= hi {
		return n, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= lo && n <= hi
}

// cronDays is how far next looks: a 29th of February may be eight years away.
const cronDays = 9 * 366

func (c *cron) next(after time.Time) time.Time {
	y, m, d := after.Date()
	for i := range cronDays {
		date := time.Date(y, m, d+i, 12, 0, 0, 0, after.Location())
		if !c.onDay(date) {
			continue
		}
		if t, ok := c.inDay(date, after); ok {
			return t
		}
	}
	return time.Time{}
}

func (c *cron) onDay(t time.Time) bool {
	if c.month&(1<<t.Month()) == 0 {
		return false
	}
	dom, dow := c.dom&(1<<t.Day()) != 0, c.dow&(1<<t.Weekday()) != 0
	if !c.anyDom && !c.anyDow {
		return dom || dow
	}
	return dom && dow
}

// inDay returns the first time of a day that is after another. An hour that the
// change to summer time leaves out does not exist.
func (c *cron) inDay(day, after time.Time) (time.Time, bool) {
	for hours := c.hour; hours != 0; hours &= hours - 1 {
		h := bits.TrailingZeros64(hours)
		if end := time.Date(day.Year(), day.Month(), day.Day(), h, 59, 59, 0, day.Location()); end.Before(after) {
			continue
		}
		for minutes := c.minute; minutes != 0; minutes &= minutes - 1 {
			for seconds := c.second; seconds != 0; seconds &= seconds - 1 {
				t := time.Date(day.Year(), day.Month(), day.Day(), h, bits.TrailingZeros64(minutes), bits.TrailingZeros64(seconds), 0, day.Location())
				if t.Hour() == h && t.After(after) {
					return t, true
				}
			}
		}
	}
	return time.Time{}, false
}
