// Command histogen makes the reference histograms that the audit ships from the listings in testdata/reference:
// how many titles have each length, and nothing else of them.
//
//	go generate ./audit
package main

import (
	"encoding/csv"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// episodesOfASeason is what a season counts as: the listing gives no number of episodes.
const episodesOfASeason = 10

// histogram is one file to make.
type histogram struct {
	from, to string
	unit     string
	weights  map[string]int64 // columns that count, and what one of them counts as
	source   string
	without  string
}

func histograms() []histogram {
	return []histogram{
		{
			from: "video-minutes.csv", to: "video-length.csv", unit: "min",
			weights: map[string]int64{"films": 1, "seasons": episodesOfASeason},
			source:  "films and seasons in the JustWatch listings of two streaming services, CC0, 2022; a season counts as 10 episodes of its series' usual length",
			without: "anything those two services did not carry: home videos, short clips, most of television; lengths are in whole minutes",
		},
		{
			from: "tracks-seconds.csv", to: "audio-length.csv", unit: "s",
			weights: map[string]int64{"tracks": 1},
			source:  "music tracks of a CC0 set",
			without: "nearly all music there is, audiobooks and podcasts; lengths are in whole seconds",
		},
	}
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("histogen: ")
	if len(os.Args) != 3 {
		log.Fatal("usage: histogen FROM-FOLDER TO-FOLDER")
	}
	for _, h := range histograms() {
		text, err := h.make(filepath.Join(os.Args[1], h.from))
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[2], h.to), []byte(text), 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

// make reads a listing and writes the counts, lengths rising.
func (h *histogram) make(file string) (string, error) {
	data, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer data.Close()
	rows, err := csv.NewReader(data).ReadAll()
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	titles := map[int64]int64{}
	for i, row := range rows[1:] {
		length, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			return "", fmt.Errorf("%s: row %d: %w", file, i+2, err)
		}
		for col, name := range rows[0] {
			n, err := strconv.ParseInt(row[col], 10, 64)
			if err != nil {
				return "", fmt.Errorf("%s: row %d: %w", file, i+2, err)
			}
			titles[length] += n * h.weights[name]
		}
	}
	return h.text(titles), nil
}

func (h *histogram) text(titles map[int64]int64) string {
	var lengths []int64
	var total int64
	for length, n := range titles {
		if n > 0 {
			lengths = append(lengths, length)
			total += n
		}
	}
	slices.Sort(lengths)
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by histogen from %s. Counts only: no title is in it.\n", h.from)
	fmt.Fprintf(&b, "# source: %s\n# without: %s\n# titles: %d\n%s,titles\n", h.source, h.without, total, h.unit)
	for _, length := range lengths {
		fmt.Fprintf(&b, "%d,%d\n", length, titles[length])
	}
	return b.String()
}
