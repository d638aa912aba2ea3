package conduct

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"sluicegate.dev/sluice/internal/keyring"
)

// Signed is the report of a cutover that has ended. Every gateway of a key ring signs the
// same report alike, so it does not matter whose copy is read.
type Signed struct {
	Tenant    string          `json:"tenant"`
	Cutover   string          `json:"cutover"`
	Ended     time.Time       `json:"ended"`
	Report    json.RawMessage `json:"report"`
	Key       string          `json:"key"`       // name of the key that signed
	Signature string          `json:"signature"` // HMAC-SHA256 over report, in hex
}

const reportsKept = 100 // of a tenant, on each disk

// What reading a report can end with.
var (
	ErrNoReport = errors.New("there is no report of that cutover")
	ErrForged   = errors.New("the report was not signed with this key ring")
)

// Reports keep the signed reports on this gateway's disk: a folder for each tenant, a file
// for each cutover.
type Reports struct {
	dir  string
	keys []keyring.Key

	mu sync.Mutex // one writer at a time
}

// NewReports returns those in dir, which is made when the first report is kept. keys are the
// ring's for the purpose "reports"; the first signs.
func NewReports(dir string, keys []keyring.Key) *Reports { return &Reports{dir: dir, keys: keys} }

// Sign makes a report what is kept.
func (r *Reports) Sign(tenant, id string, ended time.Time, report any) (Signed, error) {
	body, err := json.Marshal(report)
	if err != nil {
		return Signed{}, fmt.Errorf("report of %s: %w", id, err)
	}
	s := Signed{Tenant: tenant, Cutover: id, Ended: ended.UTC(), Report: body, Key: r.keys[0].Name}
	s.Signature = s.mac(r.keys[0].Secret)
	return s, nil
}

// mac covers what says whose report it is, too.
func (s Signed) mac(key []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s\n%s\n%s\n", s.Tenant, s.Cutover, s.Ended.UTC().Format(time.RFC3339Nano))
	mac.Write(s.Report)
	return hex.EncodeToString(mac.Sum(nil))
}

// Verify says whether a report was signed with our ring.
func (r *Reports) Verify(s Signed) error {
	for _, k := range r.keys {
		if k.Name == s.Key && hmac.Equal([]byte(s.mac(k.Secret)), []byte(s.Signature)) {
			return nil
		}
	}
	return fmt.Errorf("report of cutover %s of tenant %s: %w", s.Cutover, s.Tenant, ErrForged)
}

// Keep writes a report, and drops the oldest ones of its tenant beyond what is kept. One that
// is there already stays.
func (r *Reports) Keep(s Signed) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	path, err := r.path(s.Tenant, s.Cutover)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep a report: %w", err)
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("keep a report: %w", err)
	}
	if err := writeFile(path, text, s.Ended); err != nil {
		return fmt.Errorf("keep a report: %w", err)
	}
	return r.prune(filepath.Dir(path))
}

// writeFile is whole or not there. The file is as old as its cutover.
func writeFile(path string, text []byte, age time.Time) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // renamed by then, or of no use
	_, err = temp.Write(text)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Chtimes(temp.Name(), age, age); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

func (r *Reports) prune(dir string) error {
	files, err := reportFiles(dir)
	if err != nil || len(files) <= reportsKept {
		return err
	}
	for _, f := range files[reportsKept:] {
		err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
	}
	return err
}

// reportFiles are those of a tenant, newest first.
func reportFiles(dir string) ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var files []fs.FileInfo
	for _, e := range entries {
		info, failure := e.Info()
		if failure == nil && strings.HasSuffix(e.Name(), ".json") {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	return files, err
}

// Get reads the report of a cutover and verifies it.
func (r *Reports) Get(tenant, id string) (Signed, error) {
	path, err := r.path(tenant, id)
	if err != nil {
		return Signed{}, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Signed{}, fmt.Errorf("cutover %s of tenant %s: %w", id, tenant, ErrNoReport)
	}
	if err != nil {
		return Signed{}, fmt.Errorf("read a report: %w", err)
	}
	var s Signed
	if err := json.Unmarshal(text, &s); err != nil {
		return Signed{}, fmt.Errorf("read a report: %w", err)
	}
	if s.Report, err = compact(s.Report); err != nil {
		return Signed{}, fmt.Errorf("read a report: %w", err)
	}
	return s, r.Verify(s)
}

// List names the cutovers of a tenant that have reports, newest first.
func (r *Reports) List(tenant string) ([]string, error) {
	path, err := r.path(tenant, "x")
	if err != nil {
		return nil, err
	}
	files, err := reportFiles(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	ids := make([]string, 0, len(files))
	for _, f := range files {
		ids = append(ids, strings.TrimSuffix(f.Name(), ".json"))
	}
	return ids, nil
}

// Find says whose cutover it was.
func (r *Reports) Find(id string) (tenant string, ok bool) {
	if !plainName().MatchString(id) {
		return "", false
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(r.dir), "*", id+".json"))
	if err != nil || len(found) == 0 {
		return "", false
	}
	return filepath.Base(filepath.Dir(found[0])), true
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// plainName is what may be a file's name: ids come from requests.
func plainName() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$`) }

func (r *Reports) path(tenant, id string) (string, error) {
	if !plainName().MatchString(tenant) || !plainName().MatchString(id) {
		return "", fmt.Errorf("cutover %q of tenant %q: %w", id, tenant, ErrNoReport)
	}
	return filepath.Join(r.dir, tenant, id+".json"), nil
}

func compact(raw json.RawMessage) (json.RawMessage, error) {
	return json.Marshal(raw) // RawMessage in, without blanks out
}
