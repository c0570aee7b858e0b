package main

import (
	"context"

	"muster/web/webhook"
)

// hooks are the webhooks that run now, for the API: a reload replaces them.
type hooks house

// States implements api.Webhooks.
func (h *hooks) States(ctx context.Context) ([]webhook.State, error) {
	return h.webhooks.Load().States(ctx)
}

// Test implements api.Webhooks.
func (h *hooks) Test(ctx context.Context, id string) error { return h.webhooks.Load().Test(ctx, id) }
