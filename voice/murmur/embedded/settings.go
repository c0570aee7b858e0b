package embedded

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"muster/voice"
	"muster/voice/murmur"
	"muster/voice/wire"
)

// banTime is how Mumble writes when a ban began.
const banTime = "2006-01-02T15:04:05"

// Bans implements door.Bans. They are of accounts and certificates, so their
// address is one that nobody has.
func (h *House) Bans(context.Context) ([]murmur.Ban, error) {
	srv, err := h.server()
	if err != nil {
		return nil, err
	}
	nowhere := netip.IPv6Unspecified().As16()
	var out []murmur.Ban
	for _, b := range srv.Bans() {
		out = append(out, murmur.Ban{
			Address: slices.Clone(nowhere[:]), Bits: 128, Name: b.Name, Hash: b.Hash, Reason: b.Reason,
			Start: int32(b.Start.Unix()), Duration: seconds(b.Length),
		})
	}
	return out, nil
}

// SetBans implements door.Bans.
func (h *House) SetBans(_ context.Context, bans []murmur.Ban) error {
	var all []wire.BanEntry
	for _, b := range bans {
		all = append(all, wire.BanEntry{
			Name: new(b.Name), Hash: new(b.Hash), Reason: new(b.Reason), Duration: new(uint32(max(b.Duration, 0))),
			Start: new(time.Unix(int64(b.Start), 0).UTC().Format(banTime)),
		})
	}
	return h.with(func(srv *voice.Server) error { return srv.SetBans(all) })
}

// Conf implements door.Settings.
func (h *House) Conf(context.Context) (map[string]string, error) {
	srv, err := h.server()
	if err != nil {
		return nil, err
	}
	c := srv.Settings()
	host, port, _ := net.SplitHostPort(c.Address) // the configuration was checked
	return map[string]string{
		"host": host, "port": port, "registername": c.Name, "welcometext": c.Welcome, "users": strconv.Itoa(c.MaxUsers),
		"bandwidth": strconv.Itoa(c.Bandwidth), "textmessagelength": strconv.Itoa(c.TextLength), "imagemessagelength": strconv.Itoa(c.TextureLength),
		"timeout": strconv.Itoa(int(c.IdleTimeout / time.Second)), "allowhtml": "false", "certrequired": "false",
	}, nil
}

// SetConf implements door.Settings.
func (h *House) SetConf(context.Context, string, string) error {
	return refuse("settings are in the configuration of the whole server")
}

// Log implements door.Settings: the log is that of the whole house, and not shown.
func (h *House) Log(context.Context, int, int) ([]murmur.LogEntry, error) { return nil, nil }

// LogLen implements door.Settings.
func (h *House) LogLen(context.Context) (int, error) { return 0, nil }
