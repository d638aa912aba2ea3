package main

import (
	"slices"
	"strings"
	"testing"
)

func TestIdentify(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"Apache by its title, over a line break": {"Apache License\n   Version 2.0, January 2004", []string{"Apache-2.0"}},
		"MIT by its first sentence":              {"Permission is hereby granted, free of charge, to any person", []string{"MIT"}},
		"BSD with the endorsement clause": {
			"Redistribution and use in source and binary forms ... Neither the name of Google", []string{"BSD-3-Clause"},
		},
		"BSD without it": {"Redistribution and use in source and binary forms", []string{"BSD-2-Clause"}},
		"Mozilla, although it names the GNU licences": {
			"Mozilla Public License Version 2.0 ... the GNU General Public License, Version 2.0", []string{"MPL-2.0"},
		},
		"two licences in one file": {
			"Permission is hereby granted, free of charge ... Licensed under the Apache License", []string{"Apache-2.0", "MIT"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got, err := identify(test.text)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestIdentifyRefuses(t *testing.T) {
	for sentence, text := range map[string]string{
		"copyleft that would bind our source": "GNU AFFERO GENERAL PUBLIC LICENSE Version 3",
		"a text that nobody has read yet":     "You may use this on Tuesdays.",
		"an empty file":                       "",
	} {
		t.Run(sentence, func(t *testing.T) {
			if got, err := identify(text); err == nil {
				t.Errorf("accepted as %v", got)
			}
		})
	}
}

func TestSplitKeepsEveryCopyrightLine(t *testing.T) {
	copyright, body := split("The MIT License\r\n\r\nCopyright (c) 2019 A\n * Copyright 2020 B\n\nCopyright notice above must stay.\nCopyright [yyyy] [name]\n")
	if want := []string{"Copyright (c) 2019 A", "Copyright 2020 B"}; !slices.Equal(copyright, want) {
		t.Errorf("copyright lines: got %q, want %q", copyright, want)
	}
	for _, line := range []string{"The MIT License", "Copyright notice above must stay.", "Copyright [yyyy] [name]"} {
		if !strings.Contains(body, line) {
			t.Errorf("the text lost %q", line)
		}
	}
}

func TestRenderPrintsOneTextForTheSameLicence(t *testing.T) {
	mit := "Copyright (c) %s\n\nPermission is hereby granted, free of charge, to any person"
	modules := []*module{
		{Path: "a.example/a", Version: "v1.0.0", Licences: []file{{"LICENSE", strings.Replace(mit, "%s", "2019 A", 1)}}},
		{
			Path: "b.example/b", Version: "v2.0.0", Instead: "c.example/b v2.0.1",
			Licences: []file{{"LICENSE", strings.Replace(mit, "%s", "2020 B", 1)}},
			Notices:  []file{{"NOTICE", "b was made by B"}},
		},
	}
	out, err := render(modules)
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	if n := strings.Count(text, "Permission is hereby granted"); n != 1 {
		t.Errorf("the text stands there %d times, want 1", n)
	}
	for _, want := range []string{
		"a.example/a v1.0.0: MIT\n    Copyright (c) 2019 A\n",
		"b.example/b v2.0.0 (here c.example/b v2.0.1): MIT\n    Copyright (c) 2020 B\n",
		"b was made by B",
		"For: a.example/a, b.example/b",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in\n%s", want, text)
		}
	}
}

func TestLegalKnowsFileNames(t *testing.T) {
	for name, want := range map[string]string{
		"LICENSE": "licence", "LICENSE.txt": "licence", "licence.md": "licence", "COPYING": "licence",
		"NOTICE": "notice", "NOTICE.txt": "notice",
		"license.go": "", "LICENSE.docs": "", "README.md": "",
	} {
		if got := legal(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
