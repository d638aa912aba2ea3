package redis

import (
	"context"
	"fmt"
	"os"
	"strings"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/auth"
)

// Credentials sign in. The zero value signs nobody in.
type Credentials struct {
	// Ask is called for each new connection.
	Ask func(ctx context.Context) (user, password string, err error)
	// Stream is asked instead, and signs live connections in again when it has news.
	Stream auth.StreamingCredentialsProvider
	// Run gets the news, until ctx ends. Store.Run runs it.
	Run func(ctx context.Context)
}

// PasswordFile signs in as user, or as Redis's default user when that is empty. The file is
// read for each new connection, and a server that refuses the password ends the connection:
// a password that was changed counts from the next call on.
func PasswordFile(user, path string) Credentials {
	return Credentials{Ask: func(context.Context) (string, string, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", "", &unsentError{fmt.Errorf("password: %w", err)}
		}
		return user, strings.TrimSpace(string(text)), nil
	}}
}

func (c Credentials) client(o *goredis.Options) {
	o.CredentialsProviderContext, o.StreamingCredentialsProvider = c.Ask, c.Stream
}

func (c Credentials) failover(o *goredis.FailoverOptions) {
	o.CredentialsProviderContext, o.StreamingCredentialsProvider = c.Ask, c.Stream
}
