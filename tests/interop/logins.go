// Log in by drivers of Go: for each line of standard input, an object in JSON (see
// tests/support/loginclients.py), print the name of the session's user, or the error.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v4"
	_ "github.com/lib/pq"
)

const question = "SELECT current_user"

type login struct {
	Client, User, Password, Database string
	Port                             int
	TLS                              bool
}

func (l login) url() string {
	mode := "disable"
	if l.TLS {
		mode = "require"
	}
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=%s sslmode=%s",
		l.Port, l.User, l.Password, l.Database, mode)
}

func ask(l login) (name string, err error) {
	whole, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if l.Client == "pq" {
		db, err := sql.Open("postgres", l.url())
		if err != nil {
			return "", err
		}
		defer db.Close()
		err = db.QueryRowContext(whole, question).Scan(&name)
		return name, err
	}
	db, err := pgx.Connect(whole, l.url())
	if err != nil {
		return "", err
	}
	defer db.Close(whole)
	err = db.QueryRow(whole, question).Scan(&name)
	return name, err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var l login
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			panic(err)
		}
		answer := map[string]string{}
		if name, err := ask(l); err != nil {
			answer["error"] = strings.ToValidUTF8(err.Error(), "?")
		} else {
			answer["user"] = name
		}
		text, _ := json.Marshal(answer)
		fmt.Println(string(text))
	}
}
