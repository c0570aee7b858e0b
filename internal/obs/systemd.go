package obs

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Systemd tells systemd how the service is doing (sd_notify(3)). Where systemd
// did not start the process everything here does nothing.
type Systemd struct{ log *slog.Logger }

// NewSystemd returns a notifier; it starts nothing.
func NewSystemd(log *slog.Logger) *Systemd { return &Systemd{log.With("part", "systemd")} }

// Ready says that start-up or a reload is over. status is one line for
// systemctl status; it may be empty.
func (s *Systemd) Ready(status string) {
	state := daemon.SdNotifyReady
	if status != "" {
		state += "\nSTATUS=" + oneLine(status)
	}
	s.send(state)
}

// Reloading says that the configuration is being read again; Ready ends it.
func (s *Systemd) Reloading() {
	// Type=notify-reload wants to know since when, by the monotonic clock.
	s.send(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// Stopping says that the service drains its sessions and will end.
func (s *Systemd) Stopping() { s.send(daemon.SdNotifyStopping) }

// Run answers systemd's watchdog twice in each of its intervals until ctx ends,
// as long as alive says yes; it returns at once where no watchdog is asked for.
// After a no it keeps silent, and systemd restarts the service if the next yes
// comes too late.
func (s *Systemd) Run(ctx context.Context, alive func(context.Context) bool) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the watchdog is not answered", "err", err)
		return nil
	}
	if interval <= 0 {
		return nil
	}
	tick := time.NewTicker(max(interval/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if alive(ctx) {
				s.send(daemon.SdNotifyWatchdog)
			} else {
				s.log.Warn("not alive; the watchdog is not answered")
			}
		}
	}
}

func (s *Systemd) send(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd was not told", "err", err)
	}
}

// oneLine keeps text from setting other variables of the protocol.
func oneLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' {
			b[i] = ' '
		}
	}
	return string(b)
}
