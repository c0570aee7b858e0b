package cot

import (
	"strings"

	"muster/cot/wire"
)

// metricNames are the attributes of the stats element in t-x-c-m.
var metricNames = [...]string{
	"app_framerate", "battery", "battery_status", "battery_temp", "deviceDataRx", "deviceDataTx",
	"heap_current_size", "heap_free_size", "heap_max_size", "ip_address", "storage_available", "storage_total",
}

// control takes events that are for the server, and reports whether ev was one.
// The error says what was wrong with it.
func (c *Client) control(ev *wire.Event) (done bool, err error) {
	if !strings.HasPrefix(ev.Type, "t-") {
		return false, nil
	}
	switch ev.Type {
	case "t-x-c-m":
		c.measure(ev)
		return true, nil
	case "t-x-c-i-e", "t-x-c-i-d":
		c.r.change(c, func(st *clientState) { st.incognito = ev.Type == "t-x-c-i-e" })
		return true, nil
	case "t-x-c-f":
		return true, c.filterBy(ev)
	case "t-b", typeGroups:
		return true, nil
	}
	for _, prefix := range [...]string{"t-b-", "t-x-c-t", "t-x-takp-", "t-x-m-"} {
		if strings.HasPrefix(ev.Type, prefix) {
			return true, nil // old subscriptions, the stream's business, and what only a server may say
		}
	}
	return false, nil
}

// measure keeps what the device says about itself.
func (c *Client) measure(ev *wire.Event) {
	stats, ok := ev.Child("stats")
	if !ok {
		return
	}
	m := make(map[string]string)
	for _, name := range metricNames {
		if v := stats.Attr(name); v != "" && len(v) <= 256 {
			m[name] = v
		}
	}
	c.metrics.Store(&m)
}

func (c *Client) filterBy(ev *wire.Event) error {
	var a *areas
	sub, ok := ev.Child("subscription")
	if ok {
		if el, ok := sub.Child("geospatialFilter"); ok {
			var err error
			if a, err = parseAreas(el); err != nil {
				return err
			}
		}
	}
	c.r.change(c, func(st *clientState) { st.filter = a })
	return nil
}

// SetIncognito hides a connected device, or shows it again.
func (r *Router) SetIncognito(uid string, on bool) bool {
	live := r.bound(uid)
	for _, c := range live {
		r.change(c, func(st *clientState) { st.incognito = on })
	}
	return len(live) > 0
}
