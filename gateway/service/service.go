package service

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// pace is how often readiness is looked at until it is there.
const pace = 100 * time.Millisecond

// Service speaks to the supervisor that started this process (sd_notify(3)).
type Service struct {
	ready func() error
	log   *slog.Logger
}

// New returns a Service. Ready is nil when the gateway takes requests.
func New(ready func() error, log *slog.Logger) *Service {
	return &Service{ready: ready, log: log}
}

// Stop says that a stop has begun. The watchdog is fed until Run ends: requests in flight
// may take their time.
func (s *Service) Stop() { s.tell(daemon.SdNotifyStopping) }

// Run reports until ctx ends. The watchdog is fed as long as this goroutine is scheduled and
// readiness can be asked for at all: a process that hangs is restarted, one that is merely not
// ready is not, because a restart would not help it.
func (s *Service) Run(ctx context.Context) error {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.WarnContext(ctx, "the supervisor's watchdog setting cannot be read; it is not fed", "err", err)
		every = 0
	}
	wait := pace
	if every > 0 {
		wait = min(wait, every/3)
	}
	tick := time.NewTicker(wait)
	defer tick.Stop()
	var fed time.Time
	said := false
	for {
		ready := s.ready() == nil
		if ready && !said {
			said = true
			s.tell(daemon.SdNotifyReady)
		}
		if every > 0 && time.Since(fed) > every/3 {
			fed = time.Now()
			s.tell(daemon.SdNotifyWatchdog)
		}
		if said && every == 0 {
			<-ctx.Done()
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *Service) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("the supervisor cannot be told", "state", state, "err", err)
	}
}
