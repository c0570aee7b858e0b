//go:build !codecs || !cgo

package compositor

import (
	"errors"
	"strings"
	"testing"
)

func TestWithoutTheCodecsItSaysWhatIsMissing(t *testing.T) {
	_, err := New(Deps{})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "tag codecs") {
		t.Errorf("New: %v", err)
	}
	if err := Child(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Child: %v", err)
	}
}
