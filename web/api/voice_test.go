package api

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"muster/voice"
)

// keptOut is a voice server that only bans.
type keptOut struct{ all []voice.Ban }

func (k *keptOut) Bans() []voice.Ban { return k.all }

func (k *keptOut) Ban(b voice.Ban) (voice.Ban, error) {
	b.Start = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	k.all = append(k.all, b)
	return b, nil
}

func (k *keptOut) Unban(id string) bool {
	n := len(k.all)
	k.all = slices.DeleteFunc(k.all, func(b voice.Ban) bool { return b.ID() == id })
	return len(k.all) < n
}

func TestAdministratorsKeepOthersOutOfTheVoiceServer(t *testing.T) {
	h := openHouse(t)
	if w := h.as(t, "ann", http.MethodPost, "/api/v1/voice/bans", object{"user": "ann"}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an administrator who bans herself: %d", w.Code)
	}
	w := h.as(t, "ann", http.MethodPost, "/api/v1/voice/bans", object{"user": "nora", "reason": "noise", "hours": 2})
	b := decode[VoiceBan](t, w)
	if w.Code != http.StatusCreated || b.User != "nora" || b.Reason != "noise" || b.Until.Sub(b.Since) != 2*time.Hour {
		t.Fatalf("banned: %d %+v", w.Code, b)
	}
	list := decode[struct{ Bans []VoiceBan }](t, h.as(t, "ann", http.MethodGet, "/api/v1/voice/bans", nil))
	if len(list.Bans) != 1 || list.Bans[0].ID != b.ID {
		t.Errorf("the bans are %+v", list.Bans)
	}
	if w := h.as(t, "ann", http.MethodDelete, "/api/v1/voice/bans/"+b.ID, nil); w.Code != http.StatusNoContent {
		t.Errorf("lifted: %d", w.Code)
	}
	if w := h.as(t, "ann", http.MethodDelete, "/api/v1/voice/bans/"+b.ID, nil); w.Code != http.StatusNotFound {
		t.Errorf("lifted twice: %d", w.Code)
	}
}
