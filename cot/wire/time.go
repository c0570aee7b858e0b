package wire

import (
	"errors"
	"time"
)

// maxTime is the last millisecond of the year 9999, the last one that CoT can
// say.
const maxTime = 253402300799999

var errTime = errors.New("not a time like 2026-03-01T12:00:00.000Z of the years 1970 to 9999")

// FormatTime writes ms since 1970 as 2026-03-01T12:00:00.000Z. What is outside
// of the years 1970 to 9999 becomes their first or last millisecond.
func FormatTime(ms int64) string { return string(appendTime(nil, ms)) }

func appendTime(dst []byte, ms int64) []byte {
	ms = min(max(ms, 0), maxTime)
	y, mo, d := time.UnixMilli(ms).UTC().Date()
	day := ms % (24 * 3600 * 1000)
	dst = append2(append2(dst, y/100), y%100)
	dst = append2(append(dst, '-'), int(mo))
	dst = append2(append(dst, '-'), d)
	dst = append2(append(dst, 'T'), int(day/3600000))
	dst = append2(append(dst, ':'), int(day/60000%60))
	dst = append2(append(dst, ':'), int(day/1000%60))
	dst = append(dst, '.', '0'+byte(day/100%10))
	return append(append2(dst, int(day%100)), 'Z')
}

func append2(dst []byte, n int) []byte { return append(dst, '0'+byte(n/10), '0'+byte(n%10)) }

// ParseTime reads the times of CoT and of Marti's parameters: UTC with 0 to 9
// digits of fraction, Z or an offset; without either it is UTC. What is finer
// than a millisecond is cut off.
func ParseTime(s string) (int64, error) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, errTime
	}
	var bad bool
	num := func(from, to int) int {
		n := 0
		for _, c := range []byte(s[from:to]) {
			if c < '0' || c > '9' {
				bad = true
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := num(0, 4), num(5, 7), num(8, 10)
	hour, minute, second := num(11, 13), num(14, 16), num(17, 19)
	if bad || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 60 {
		return 0, errTime
	}
	rest := s[19:]
	ms := 0
	if rest != "" && rest[0] == '.' {
		n := 1
		for scale := 100; n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
			ms += int(rest[n]-'0') * scale
			scale /= 10
		}
		if n > 10 {
			return 0, errTime
		}
		rest = rest[n:]
	}
	offset, ok := parseZone(rest)
	if !ok {
		return 0, errTime
	}
	t := daysSince1970(year, month, day)*86400 + int64(hour*3600+minute*60+second-offset)
	if t = t*1000 + int64(ms); t < 0 || t > maxTime {
		return 0, errTime
	}
	return t, nil
}

// parseZone reads Z, an offset as ±hh:mm, ±hhmm or ±hh, or nothing.
func parseZone(s string) (seconds int, ok bool) {
	if s == "" || s == "Z" || s == "z" {
		return 0, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	var digits [4]byte
	n := 0
	for i, c := range []byte(s[1:]) {
		switch {
		case c == ':' && i == 2:
		case c >= '0' && c <= '9' && n < 4:
			digits[n] = c - '0'
			n++
		default:
			return 0, false
		}
	}
	h, m := int(digits[0])*10+int(digits[1]), int(digits[2])*10+int(digits[3])
	if n != 2 && n != 4 || h > 23 || m > 59 {
		return 0, false
	}
	seconds = h*3600 + m*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts the days of the Gregorian calendar.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 { // let the year begin in March, so that its leap day is its last
		year--
		month += 12
	}
	const to1970 = 719468 // days from 0000-03-01
	return int64(365*year+year/4-year/100+year/400+(153*(month-3)+2)/5+day-1) - to1970
}
