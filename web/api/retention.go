package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"muster/cot/history"
	"muster/internal/auth"
)

type retentionBody struct {
	Rules    []rule `json:"rules"`
	Schedule string `json:"schedule" doc:"03:30 (daily), every 6h, a cron expression, or - for never."`
	Last     *last  `json:"last,omitempty" readOnly:"true"`
}

type rule struct {
	Kind      string  `json:"kind"`
	Days      float64 `json:"days" minimum:"0" doc:"How long it is kept; 0 is for ever."`
	Megabytes int64   `json:"megabytes" minimum:"0" doc:"How much of it is kept; 0 is no limit."`
	Count     int64   `json:"count,omitempty" minimum:"0" doc:"How many are kept; 0 is no limit."`
}

type last struct {
	Time    time.Time `json:"time"`
	Removed []usage   `json:"removed"`
}

type usage struct {
	Kind   string     `json:"kind"`
	Count  int64      `json:"count"`
	Bytes  int64      `json:"bytes"`
	Oldest *time.Time `json:"oldest,omitempty"`
}

type retentionOut struct{ Body retentionBody }

type retentionIn struct{ Body retentionBody }

type usageOut struct {
	Body struct {
		Kinds []usage `json:"kinds"`
	}
}

func usagesOf(list []history.Usage) []usage {
	out := []usage{}
	for _, u := range list {
		out = append(out, usage{u.Kind, u.Count, u.Bytes, timeOf(u.Oldest)})
	}
	return out
}

func (a *API) retention() {
	register(a, admin, op("getRetention", http.MethodGet, "/retention", "How long what is kept"),
		func(ctx context.Context, _ auth.Identity, _ *none) (*retentionOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			return a.rules(ctx, t)
		})
	register(a, admin, op("setRetention", http.MethodPut, "/retention", "Change how long what is kept"),
		func(ctx context.Context, id auth.Identity, in *retentionIn) (*retentionOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			rules := make([]history.Rule, len(in.Body.Rules))
			for i, r := range in.Body.Rules {
				rules[i] = history.Rule(r)
			}
			if err = t.History.SetRules(ctx, rules); err == nil {
				err = t.History.SetSchedule(ctx, in.Body.Schedule)
			}
			if errors.Is(err, history.ErrInvalid) {
				return nil, refuse(http.StatusUnprocessableEntity, sentenced(strings.TrimPrefix(err.Error(), "history: ")))
			}
			if err != nil {
				return nil, err
			}
			a.Log.Info("rules of retention changed", "user", id.User)
			return a.rules(ctx, t)
		})
	register(a, admin, op("previewRetention", http.MethodPost, "/retention/preview", "What a clean-up would remove now"),
		func(ctx context.Context, _ auth.Identity, _ *none) (*usageOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			list, err := t.History.Preview(ctx)
			out := &usageOut{}
			out.Body.Kinds = usagesOf(list)
			return out, err
		})
	register(a, admin, op("runRetention", http.MethodPost, "/retention/run", "Clean up now"),
		func(ctx context.Context, id auth.Identity, _ *none) (*usageOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			// It goes on when the page is closed: half a clean-up is none.
			list, err := t.History.Clean(context.WithoutCancel(ctx))
			out := &usageOut{}
			out.Body.Kinds = usagesOf(list)
			a.Log.Info("cleaned up by hand", "user", id.User)
			return out, err
		})
}

func (a *API) rules(ctx context.Context, t *TAK) (*retentionOut, error) {
	rules, err := t.History.Rules(ctx)
	if err != nil {
		return nil, err
	}
	out := &retentionOut{}
	out.Body.Rules = []rule{}
	for _, r := range rules {
		out.Body.Rules = append(out.Body.Rules, rule(r))
	}
	if out.Body.Schedule, err = t.History.Schedule(ctx); err != nil {
		return nil, err
	}
	c, err := t.History.LastClean(ctx)
	if err != nil {
		return nil, err
	}
	if !c.Time.IsZero() {
		out.Body.Last = &last{c.Time, usagesOf(c.Removed)}
	}
	return out, nil
}
