package redistest

import "testing"

func TestServersStart(t *testing.T) {
	t.Run("a server answers", func(t *testing.T) {
		s := Start(t)
		s.Do("SET", "a", "1")
		if got := s.Do("GET", "a"); got != "1" {
			t.Errorf("got %v", got)
		}
		s.Stop()
		s.Start()
		if got := s.Do("GET", "a"); got != nil {
			t.Errorf("after a restart: got %v", got)
		}
	})
	t.Run("a cluster forms", func(t *testing.T) {
		c := StartCluster(t)
		c.Owner("a").Do("SET", "a", "1")
	})
	t.Run("sentinels find each other", func(t *testing.T) { StartSentinels(t) })
}
