package rtc

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog brings what the WebRTC library thinks worth a warning into the
// server's log, at Debug: most of it is about what peers do.
type pionLog struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (p pionLog) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{p.log.With("scope", scope)}
}

type pionLogger struct{ log *slog.Logger }

func (pionLogger) Trace(string)          {}
func (pionLogger) Tracef(string, ...any) {}
func (pionLogger) Debug(string)          {}
func (pionLogger) Debugf(string, ...any) {}
func (pionLogger) Info(string)           {}
func (pionLogger) Infof(string, ...any)  {}

func (l pionLogger) Warn(msg string)               { l.log.Debug(msg) }
func (l pionLogger) Warnf(format string, a ...any) { l.logf(format, a) }

func (l pionLogger) Error(msg string)               { l.log.Debug(msg) }
func (l pionLogger) Errorf(format string, a ...any) { l.logf(format, a) }

func (l pionLogger) logf(format string, a []any) { l.log.Debug(fmt.Sprintf(format, a...)) }
