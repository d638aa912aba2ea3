package harness

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// at is a moment in seconds.
func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func served(who, release string, began, ended int) Act {
	return Act{Who: who, What: "page", Release: release, Session: true, Began: at(began), Ended: at(ended)}
}

func TestADayTellsWhoWasMovedHowOften(t *testing.T) {
	for name, c := range map[string]struct {
		acts []Act
		want []string
	}{
		"stays":        {[]Act{served("p", "blue", 0, 1), served("p", "blue", 2, 3)}, []string{"blue"}},
		"moves once":   {[]Act{served("p", "blue", 0, 1), served("p", "green", 2, 3), served("p", "green", 4, 5)}, []string{"blue", "green"}},
		"flips":        {[]Act{served("p", "blue", 0, 1), served("p", "green", 2, 3), served("p", "blue", 4, 5)}, []string{"blue", "green", "blue"}},
		"out of order": {[]Act{served("p", "green", 2, 3), served("p", "blue", 0, 1)}, []string{"blue", "green"}},
		// A report that began before the move may end after it.
		"a long report of before": {[]Act{served("p", "blue", 0, 1), served("p", "green", 2, 3), served("p", "blue", 1, 9)}, []string{"blue", "green"}},
		"a failure says nothing":  {[]Act{served("p", "blue", 0, 1), {Who: "p", Session: true, Release: "green", Wrong: "500", Began: at(2), Ended: at(3)}}, []string{"blue"}},
		"no session":              {[]Act{served("p", "blue", 0, 1), {Who: "p", Release: "green", Began: at(2), Ended: at(3)}}, []string{"blue"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := Day{Acts: c.acts}
			if got := d.Moves()["p"]; !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if strayed := len(d.Strayed(1)) > 0; strayed != (len(c.want) > 2) {
				t.Errorf("strayed %v with %v", strayed, c.want)
			}
		})
	}
}

func TestADayFindsWhatIsWrong(t *testing.T) {
	d := Day{
		Acts: []Act{
			{What: "write", Token: "once"},
			{What: "write", Token: "lost"},
			{What: "upload", Token: "twice"},
			{What: "write", Token: "unsure", Gone: true, Wrong: "EOF"},
			{What: "write", Token: "unsure twice", Gone: true, Wrong: "EOF"},
			{What: "page", Wrong: "503 from nobody"},
			{What: "page", Wrong: "EOF", Gone: true},
		},
		Closed: map[string]int{"1012": 4, "1000": 2, ReplicaGone: 1},
	}
	wrong := d.Wrong(map[string][]string{"once": {"a"}, "twice": {"a", "b"}, "unsure twice": {"a", "a"}}, 1)
	want := []string{"page: 503 from nobody", "lost was answered and never done", "twice was done 2 times", "unsure twice was done 2 times", "closed with 1000"}
	if len(wrong) != len(want) {
		t.Fatalf("found %d: %q", len(wrong), wrong)
	}
	for _, text := range want {
		if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, text) }) {
			t.Errorf("%q is not in %q", text, wrong)
		}
	}
}
