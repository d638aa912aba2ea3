package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	stdlog "log"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"
	"github.com/sirupsen/logrus"
	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/observability/logs"
)

// bridgeLogs sends everything that Traefik and its libraries log to our handler. Traefik
// logs through package variables; this is the one place that sets them, before any part of
// it runs.
func bridgeLogs(to *slog.Logger, conf *static.Configuration) error {
	level, err := traefikLevel(conf)
	if err != nil {
		return err
	}
	zerolog.SetGlobalLevel(level)
	log.Logger = zerolog.New(&logBridge{to.Handler()}).Level(level)
	if conf.Log != nil && conf.Log.OTLP != nil {
		if conf.Experimental == nil || !conf.Experimental.OTLPLogs {
			return errors.New("spec.traefik.log.otlp: needs experimental.otlpLogs")
		}
		if log.Logger, err = logs.SetupOTelLogger(context.Background(), log.Logger, conf.Log.OTLP); err != nil {
			return fmt.Errorf("spec.traefik.log.otlp: %w", err)
		}
	}
	zerolog.DefaultContextLogger = &log.Logger
	logrus.StandardLogger().Out = logs.NoLevel(log.Logger, zerolog.DebugLevel)
	stdlog.SetFlags(0)
	stdlog.SetOutput(logs.NoLevel(log.Logger, zerolog.DebugLevel))
	return nil
}

// traefikLevel is ERROR when nothing is configured, as in Traefik.
func traefikLevel(conf *static.Configuration) (zerolog.Level, error) {
	if conf.Log == nil || conf.Log.Level == "" {
		return zerolog.ErrorLevel, nil
	}
	level, err := zerolog.ParseLevel(strings.ToLower(conf.Log.Level))
	if err != nil {
		return level, fmt.Errorf("spec.traefik.log.level: %w", err)
	}
	return level, nil
}

// logBridge turns zerolog's JSON lines into slog records.
type logBridge struct{ to slog.Handler }

// Write takes lines without a level.
func (b *logBridge) Write(line []byte) (int, error) {
	return b.WriteLevel(zerolog.InfoLevel, line)
}

// WriteLevel implements zerolog.LevelWriter.
func (b *logBridge) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	ctx := context.Background() // zerolog carries none this far
	at := slogLevel(level)
	if !b.to.Enabled(ctx, at) {
		return len(line), nil
	}
	fields := map[string]any{}
	if err := json.Unmarshal(line, &fields); err != nil {
		fields = map[string]any{zerolog.MessageFieldName: string(line)}
	}
	message, _ := fields[zerolog.MessageFieldName].(string)
	message, _, _ = strings.Cut(message, ": [struct]") // a configuration again, when it is no JSON
	record := slog.NewRecord(time.Now(), at, strings.TrimSpace(message), 0)
	record.AddAttrs(slog.String("part", "traefik"))
	for key, value := range fields {
		switch key {
		case zerolog.MessageFieldName, zerolog.LevelFieldName, zerolog.TimestampFieldName:
		case "config": // whole configurations at DEBUG, with the password hashes of middlewares
		case zerolog.ErrorFieldName:
			record.AddAttrs(slog.Any("err", value))
		default:
			record.AddAttrs(slog.Any(key, value))
		}
	}
	return len(line), b.to.Handle(ctx, record)
}

func slogLevel(level zerolog.Level) slog.Level {
	switch {
	case level <= zerolog.DebugLevel: // and trace
		return slog.LevelDebug
	case level == zerolog.InfoLevel, level == zerolog.NoLevel:
		return slog.LevelInfo
	case level == zerolog.WarnLevel:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}
