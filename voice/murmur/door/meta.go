package door

import (
	"context"
	"time"

	"muster/voice/ice"
	"muster/voice/murmur"
)

// versions are what the door says it is, by dialect: those whose structs it
// writes.
func versionOf(d murmur.Dialect) murmur.Version {
	if d.Version2 {
		return murmur.Version{Major: 1, Minor: 5, Patch: 0, Text: "1.5.0"}
	}
	return murmur.Version{Major: 1, Minor: 3, Patch: 4, Text: "1.3.4"}
}

// metaOps are the operations of Meta.
var metaOps = map[string]operation{
	"getVersion": {free, func(_ context.Context, c *call) error {
		v := versionOf(c.dialect)
		c.out.Int(v.Major)
		c.out.Int(v.Minor)
		c.out.Int(v.Patch)
		c.out.String(v.Text)
		return c.end()
	}},
	"getSlice":          {free, func(_ context.Context, c *call) error { c.out.String(murmur.Slice()); return c.end() }},
	"getSliceChecksums": {free, func(_ context.Context, c *call) error { c.out.Size(0); return c.end() }},
	"getUptime":         {read, uptime},
	"getDefaultConf":    {read, func(_ context.Context, c *call) error { c.out.Size(0); return c.end() }},
	"getServer": {read, func(_ context.Context, c *call) error {
		p := ice.Proxy{}
		if c.in.Int() == serverID {
			p = c.server()
		}
		c.out.Proxy(p)
		return c.end()
	}},
	"getBootedServers": {read, servers},
	"getAllServers":    {read, servers},
	"newServer":        refuse("there is one server only"),
	"addCallback":      {write, addCallback(aboutMeta)},
	"removeCallback":   {write, removeCallback(aboutMeta)},
}

func servers(_ context.Context, c *call) error {
	c.out.Size(1)
	c.out.Proxy(c.server())
	return c.end()
}

func uptime(_ context.Context, c *call) error {
	c.out.Int(int32(time.Since(c.d.started) / time.Second))
	return c.end()
}

// addCallback makes somebody be told. Nobody is asked whether it is there: murmur
// does not do so either, and some scripts listen only after that.
func addCallback(about string) func(context.Context, *call) error {
	return func(_ context.Context, c *call) error {
		p := c.in.Proxy()
		if err := c.end(); err != nil {
			return err
		}
		return c.d.callbacks.add(callback{about: about, proxy: p, dialect: c.dialect, server: c.server()})
	}
}

func removeCallback(about string) func(context.Context, *call) error {
	return func(_ context.Context, c *call) error {
		p := c.in.Proxy()
		if err := c.end(); err != nil {
			return err
		}
		c.d.callbacks.remove(about, p)
		return nil
	}
}
