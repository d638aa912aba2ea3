package entra

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store/redis"
)

// scope is what a token is asked for: any Azure Managed Redis.
const scope = "https://redis.azure.com/.default"

// Config says whose token it is. Log is required.
type Config struct {
	// Credential gets tokens. When nil, it is the workload identity that AZURE_CLIENT_ID,
	// AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE describe, or else the machine's.
	Credential azcore.TokenCredential
	Log        *slog.Logger
	Metrics    prometheus.Registerer
}

// New returns credentials that sign in with tokens. It asks for none: Run does.
func New(cfg Config) (redis.Credentials, error) {
	from := cfg.Credential
	if from == nil {
		found, err := ambient(azcore.ClientOptions{
			Transport: &http.Client{Timeout: 10 * time.Second},
			Retry:     policy.RetryOptions{MaxRetries: -1}, // run tries again, and says so
		})
		if err != nil {
			return redis.Credentials{}, err
		}
		from = found
	}
	t := newTokens(from, cfg.Log, cfg.Metrics)
	return redis.Credentials{Stream: t, Run: t.run}, nil
}

// ambient is the identity that the surroundings give this process.
func ambient(options azcore.ClientOptions) (azcore.TokenCredential, error) {
	if os.Getenv("AZURE_FEDERATED_TOKEN_FILE") == "" {
		found, err := azidentity.NewManagedIdentityCredential(managed(options))
		if err != nil {
			return nil, fmt.Errorf("identity of the machine: %w", err)
		}
		return found, nil
	}
	found, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: options,
		// The authority is that of the pod's environment; to ask another one whether it is
		// genuine would only add a way to fail.
		DisableInstanceDiscovery: true,
	})
	if err != nil {
		return nil, fmt.Errorf("workload identity: %w", err)
	}
	return found, nil
}

// managed picks one of several identities that a machine may have.
func managed(options azcore.ClientOptions) *azidentity.ManagedIdentityCredentialOptions {
	o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if id := os.Getenv("AZURE_CLIENT_ID"); id != "" {
		o.ID = azidentity.ClientID(id)
	}
	return o
}

// ask gets a token. azidentity keeps them, and asks for a new one when the old one has less
// than five minutes or has passed its time of refresh.
func ask(ctx context.Context, from azcore.TokenCredential) (azcore.AccessToken, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	token, err := from.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return token, fmt.Errorf("ask for a token: %w", err)
	}
	return token, nil
}
