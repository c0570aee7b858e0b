package door

import (
	"context"

	"muster/voice/murmur"
)

// registerOps concern registered users.
var registerOps = map[string]operation{
	"getRegisteredUsers": {read, func(ctx context.Context, c *call) error {
		filter := c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		names, err := c.registered(ctx, filter)
		murmur.WriteDict(&c.out, names, c.out.String)
		return err
	}},
	"getUserNames": {read, func(ctx context.Context, c *call) error {
		ids := c.in.Ints()
		if err := c.end(); err != nil {
			return err
		}
		all, err := c.registered(ctx, "")
		names := make(map[int32]string, len(ids))
		for _, id := range ids {
			names[id] = all[id]
		}
		murmur.WriteDict(&c.out, names, c.out.String)
		return err
	}},
	"getUserIds": {read, func(ctx context.Context, c *call) error {
		names := c.in.Strings()
		if err := c.end(); err != nil {
			return err
		}
		all, err := c.registered(ctx, "")
		ids := make(map[string]int32, len(names))
		for _, n := range names {
			ids[n] = -1
		}
		for id, n := range all {
			if _, asked := ids[n]; asked {
				ids[n] = id
			}
		}
		murmur.WriteIDs(&c.out, ids)
		return err
	}},
	"getRegistration": {read, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Register == nil:
			return murmur.InvalidUser
		}
		info, err := c.Register.Registration(ctx, id)
		delete(info, murmur.InfoPassword)
		info.Write(&c.out)
		return err
	}},
	"registerUser": {write, func(ctx context.Context, c *call) error {
		info := murmur.ReadUserInfo(c.in)
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Register == nil:
			return murmur.InvalidUser
		}
		id, err := c.Register.AddUser(ctx, info)
		c.out.Int(id)
		return err
	}},
	"unregisterUser": {write, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Register == nil:
			return murmur.InvalidUser
		}
		return c.Register.RemoveUser(ctx, id)
	}},
	"updateRegistration": {write, func(ctx context.Context, c *call) error {
		id, info := c.in.Int(), murmur.ReadUserInfo(c.in)
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Register == nil:
			return murmur.InvalidUser
		}
		return c.Register.Update(ctx, id, info)
	}},
	"verifyPassword": {write, func(ctx context.Context, c *call) error {
		name, password := c.in.String(), c.in.String()
		id, err := int32(-2), c.end()
		if err == nil && c.Login != nil {
			id, err = c.Login.Verify(ctx, name, password)
		}
		c.out.Int(id)
		return err
	}},
	"getTexture": {read, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Login == nil:
			return murmur.InvalidUser
		}
		b, err := c.Login.Texture(ctx, id)
		c.out.Blob(b)
		return err
	}},
	"setTexture": {write, func(ctx context.Context, c *call) error {
		id, b := c.in.Int(), c.in.Blob()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Login == nil:
			return murmur.InvalidUser
		}
		return c.Login.SetTexture(ctx, id, b)
	}},
}

func (c *call) registered(ctx context.Context, filter string) (map[int32]string, error) {
	if c.Register == nil {
		return nil, nil
	}
	return c.Register.Registered(ctx, filter)
}
