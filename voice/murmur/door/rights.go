package door

import (
	"context"

	"muster/voice/murmur"
)

// rightsOps concern who may do what.
var rightsOps = map[string]operation{
	"getACL": {read, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Rights == nil:
			return without("access lists")
		}
		r, err := c.Rights.Rules(ctx, id)
		r.Write(&c.out)
		return err
	}},
	"setACL": {write, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		r := murmur.ReadRules(c.in)
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Rights == nil:
			return without("access lists")
		}
		return c.Rights.SetRules(ctx, id, r)
	}},
	"effectivePermissions": {read, func(ctx context.Context, c *call) error {
		session, channel := c.in.Int(), c.in.Int()
		may, err := c.permissions(ctx, session, channel)
		c.out.Int(may)
		return err
	}},
	"hasPermission": {read, func(ctx context.Context, c *call) error {
		session, channel, want := c.in.Int(), c.in.Int(), c.in.Int()
		may, err := c.permissions(ctx, session, channel)
		c.out.Bool(may&want != 0)
		return err
	}},
	"addUserToGroup": {write, func(ctx context.Context, c *call) error {
		return c.member(ctx, func(r Rights) func(context.Context, int32, int32, string) error { return r.Join })
	}},
	"removeUserFromGroup": {write, func(ctx context.Context, c *call) error {
		return c.member(ctx, func(r Rights) func(context.Context, int32, int32, string) error { return r.Leave })
	}},
}

func (c *call) permissions(ctx context.Context, session, channel int32) (int32, error) {
	switch err := c.end(); {
	case err != nil:
		return 0, err
	case c.Rights == nil:
		return 0, without("access lists")
	}
	return c.Rights.Permissions(ctx, session, channel)
}

func (c *call) member(ctx context.Context, change func(Rights) func(context.Context, int32, int32, string) error) error {
	channel, session, group := c.in.Int(), c.in.Int(), c.in.String()
	switch err := c.end(); {
	case err != nil:
		return err
	case c.Rights == nil:
		return without("groups that scripts change")
	}
	return change(c.Rights)(ctx, channel, session, group)
}
