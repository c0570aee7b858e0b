package api

import (
	"context"
	"errors"
	"net/http"

	"muster/internal/auth"
	"muster/web/webhook"
)

// Webhooks is the part of webhook.Sender that is needed here.
type Webhooks interface {
	States(ctx context.Context) ([]webhook.State, error)
	Test(ctx context.Context, id string) error
}

type webhooksOut struct {
	Body struct {
		Webhooks []webhook.State `json:"webhooks"`
	}
}

type webhookParam struct {
	ID string `path:"id" maxLength:"40"`
}

func (a *API) webhooks() {
	register(a, admin, op("listWebhooks", http.MethodGet, "/webhooks", "Webhooks of the configuration, and how they do"),
		func(ctx context.Context, _ auth.Identity, _ *none) (*webhooksOut, error) {
			if a.Webhooks == nil {
				return nil, errStopped
			}
			all, err := a.Webhooks.States(ctx)
			if err != nil {
				return nil, err
			}
			out := &webhooksOut{}
			out.Body.Webhooks = all
			return out, nil
		})
	test := op("testWebhook", http.MethodPost, "/webhooks/{id}/test", "Send a webhook.test event to a webhook")
	test.DefaultStatus = http.StatusAccepted
	test.Description += " It waits behind the events before it. A webhook that was switched off, because its server answered 410, is switched on again."
	register(a, admin, test, func(ctx context.Context, _ auth.Identity, in *webhookParam) (*none, error) {
		if a.Webhooks == nil {
			return nil, errStopped
		}
		err := a.Webhooks.Test(ctx, in.ID)
		if errors.Is(err, webhook.ErrNoHook) {
			return nil, refuse(http.StatusNotFound, "There is no such webhook.")
		}
		return nil, err
	})
}
