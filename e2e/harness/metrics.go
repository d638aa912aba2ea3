package harness

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sample is one line of a metrics page.
type Sample struct {
	Name   string
	Labels string // as printed, without the braces
	Value  float64
}

// Metrics is one scrape.
type Metrics []Sample

// Scrape reads a Prometheus metrics page.
func Scrape(url string) (Metrics, error) {
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return parseMetrics(answer.Body)
}

func parseMetrics(r io.Reader) (Metrics, error) {
	var all Metrics
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[cut+1:], 64)
		if cut < 0 || err != nil {
			return nil, fmt.Errorf("metrics line %q: %v", line, err)
		}
		name, labels, _ := strings.Cut(line[:cut], "{")
		all = append(all, Sample{Name: name, Labels: strings.TrimSuffix(labels, "}"), Value: value})
	}
	return all, scanner.Err()
}

// Sum adds the samples of the name whose labels hold every one of the texts.
func (m Metrics) Sum(name string, labels ...string) float64 {
	total := 0.0
	for _, s := range m {
		if s.Name == name && holdsAll(s.Labels, labels) {
			total += s.Value
		}
	}
	return total
}

// Has says whether a sample of the name exists.
func (m Metrics) Has(name string) bool {
	for _, s := range m {
		if s.Name == name {
			return true
		}
	}
	return false
}

func holdsAll(labels string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(labels, text) {
			return false
		}
	}
	return true
}
