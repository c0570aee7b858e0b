package door

import (
	"context"
	"maps"

	"muster/voice/murmur"
)

// serverOps are the operations of Server, and what each must bring along.
// verifyPassword and getCertificateList tell what is nobody's business, so they
// take the secret to write.
var serverOps = gather(
	lifeOps, peopleOps, channelOps, rightsOps, registerOps,
)

func gather(parts ...map[string]operation) map[string]operation {
	all := make(map[string]operation)
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// lifeOps concern the server as a whole.
var lifeOps = map[string]operation{
	"id":                   {read, func(_ context.Context, c *call) error { c.out.Int(serverID); return c.end() }},
	"isRunning":            {read, func(_ context.Context, c *call) error { c.out.Bool(true); return c.end() }},
	"start":                {write, func(context.Context, *call) error { return murmur.ServerBooted }},
	"stop":                 refuse("it is stopped with the whole server"),
	"delete":               refuse("it goes with the whole server"),
	"setSuperuserPassword": refuse("administrators are users of this server"),
	"updateCertificate":    refuse("certificates are those of the whole server"),
	"getUptime":            {read, uptime},
	"addCallback":          {write, addCallback(aboutServer)},
	"removeCallback":       {write, removeCallback(aboutServer)},
	"setAuthenticator": {write, func(ctx context.Context, c *call) error {
		p := c.in.Proxy()
		if err := c.end(); err != nil {
			return err
		}
		return c.d.setAuthenticator(ctx, p)
	}},
	"getAllConf": {read, func(ctx context.Context, c *call) error {
		conf, err := c.conf(ctx)
		murmur.WriteStrings(&c.out, conf)
		return firstError(c.end(), err)
	}},
	"getConf": {read, func(ctx context.Context, c *call) error {
		key := c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		if key == "key" || key == "passphrase" {
			return murmur.WriteOnly
		}
		conf, err := c.conf(ctx)
		c.out.String(conf[key])
		return err
	}},
	"setConf": {write, func(ctx context.Context, c *call) error {
		key, value := c.in.String(), c.in.String()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Settings == nil:
			return without("settings that scripts change")
		}
		return c.Settings.SetConf(ctx, key, value)
	}},
	"getLog": {read, func(ctx context.Context, c *call) error {
		first, last := c.in.Int(), c.in.Int()
		var lines []murmur.LogEntry
		err := c.end()
		if err == nil && c.Settings != nil && first >= 0 && last > first {
			lines, err = c.Settings.Log(ctx, int(first), int(last))
		}
		murmur.WriteSeq(&c.out, lines)
		return err
	}},
	"getLogLen": {read, func(ctx context.Context, c *call) error {
		n, err := 0, c.end()
		if err == nil && c.Settings != nil {
			n, err = c.Settings.LogLen(ctx)
		}
		c.out.Int(int32(n))
		return err
	}},
	"getBans": {read, func(ctx context.Context, c *call) error {
		var bans []murmur.Ban
		err := c.end()
		if err == nil && c.House.Bans != nil {
			bans, err = c.House.Bans.Bans(ctx)
		}
		murmur.WriteSeq(&c.out, bans)
		return err
	}},
	"setBans": {write, func(ctx context.Context, c *call) error {
		bans := murmur.ReadBans(c.in)
		switch err := c.end(); {
		case err != nil:
			return err
		case c.House.Bans == nil:
			return without("bans")
		}
		return c.House.Bans.SetBans(ctx, bans)
	}},
}

func (c *call) conf(ctx context.Context) (map[string]string, error) {
	if c.Settings == nil {
		return nil, nil
	}
	return c.Settings.Conf(ctx)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// peopleOps concern those who are connected.
var peopleOps = map[string]operation{
	"getUsers": {read, func(ctx context.Context, c *call) error {
		users, err := c.users(ctx)
		murmur.WriteDict(&c.out, users, func(u murmur.User) { u.Write(&c.out, c.dialect) })
		return firstError(c.end(), err)
	}},
	"getState": {read, func(ctx context.Context, c *call) error {
		session := c.in.Int()
		users, err := c.users(ctx)
		if err := firstError(c.end(), err); err != nil {
			return err
		}
		u, ok := users[session]
		if !ok {
			return murmur.InvalidSession
		}
		u.Write(&c.out, c.dialect)
		return nil
	}},
	"setState": {write, func(ctx context.Context, c *call) error {
		u := c.dialect.ReadUser(c.in)
		if err := c.end(); err != nil {
			return err
		}
		return c.People.SetUser(ctx, u)
	}},
	"kickUser": {write, func(ctx context.Context, c *call) error {
		session, reason := c.in.Int(), c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		return c.People.Kick(ctx, session, reason)
	}},
	"sendMessage": {write, func(ctx context.Context, c *call) error {
		session, text := c.in.Int(), c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		return c.People.Message(ctx, session, text)
	}},
	"getCertificateList": {write, func(ctx context.Context, c *call) error {
		session := c.in.Int()
		if err := c.end(); err != nil {
			return err
		}
		certs, err := c.People.Certificates(ctx, session)
		c.out.Size(len(certs))
		for _, der := range certs {
			c.out.Blob(der)
		}
		return err
	}},
	"addContextCallback": {write, func(ctx context.Context, c *call) error {
		session, action, text := c.in.Int(), c.in.String(), c.in.String()
		p, places := c.in.Proxy(), c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Menus == nil:
			return without("menus that scripts change")
		}
		if err := c.d.callbacks.add(callback{about: aboutMenu, proxy: p, dialect: c.dialect, action: action, server: c.server()}); err != nil {
			return err
		}
		err := c.Menus.AddAction(ctx, session, action, text, places)
		if err != nil {
			c.d.callbacks.remove(aboutMenu, p)
		}
		return err
	}},
	"removeContextCallback": {write, func(ctx context.Context, c *call) error {
		p := c.in.Proxy()
		if err := c.end(); err != nil {
			return err
		}
		for _, action := range c.d.callbacks.remove(aboutMenu, p) {
			if err := c.Menus.RemoveAction(ctx, action); err != nil {
				return err
			}
		}
		return nil
	}},
	"redirectWhisperGroup": {write, func(ctx context.Context, c *call) error {
		session, source, target := c.in.Int(), c.in.String(), c.in.String()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Menus == nil:
			return without("whispers that scripts redirect")
		}
		return c.Menus.Redirect(ctx, session, source, target)
	}},
}

// users returns who is connected, by session.
func (c *call) users(ctx context.Context) (map[int32]murmur.User, error) {
	list, err := c.People.Users(ctx)
	out := make(map[int32]murmur.User, len(list))
	for _, u := range list {
		out[u.Session] = u
	}
	return out, err
}
