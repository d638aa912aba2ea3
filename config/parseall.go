package config

import (
	"runtime"
	"sync"
)

// fewTexts is up to when sharing the work costs more than it brings.
const fewTexts = 64

// ParseAll is ParseOne for many documents, on all processors: a cold start reads tens of
// thousands. Results stand in the order of the texts.
func ParseAll(texts []string) []*Resource {
	out := make([]*Resource, len(texts))
	workers := runtime.GOMAXPROCS(0)
	if len(texts) <= fewTexts {
		workers = 1
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(texts); i += workers {
				out[i] = ParseOne(texts[i])
			}
		})
	}
	wait.Wait()
	return out
}
