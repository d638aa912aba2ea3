package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/internal/keyring"
)

func keysCommand() *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Secrets that others need, derived from the key ring"}
	c.AddCommand(keysWebhooksCommand())
	return c
}

// webhookKey is what `keys webhooks` prints.
type webhookKey struct {
	Key    string `json:"key"` // its name in the ring
	Secret string `json:"secret"`
}

func keysWebhooksCommand() *cobra.Command {
	install := installName
	c := &cobra.Command{
		Use:   "webhooks",
		Short: "Print the secret that webhooks verify our signature with",
		Long: `Print the secret with which the receiver of a webhook verifies that it was sent by this gateway:
X-Sluice-Signature is "sha256=" and the HMAC-SHA256 of the body, in hex, with the text of the
secret as the key. It is derived from the first key of spec.secretsFile, so it changes when
another key is put in front. Nothing else can be made with it.`,
		Example: "  sluice keys webhooks --config /etc/sluice/sluice.yaml\n  openssl dgst -sha256 -hmac \"$(sluice keys webhooks)\" body.json",
		Args:    cobra.NoArgs,
	}
	out := addOutput(c)
	c.Flags().StringVar(&install, "config", install, "`FILE` with the install settings")
	c.RunE = func(c *cobra.Command, _ []string) error {
		found, err := webhookKeyOf(install)
		if err != nil {
			return err
		}
		return out.print(c.OutOrStdout(), found, func(w io.Writer) { fmt.Fprintln(w, found.Secret) })
	}
	return c
}

func webhookKeyOf(install string) (webhookKey, error) {
	settings, problems := config.LoadInstall(install)
	if err := problems.Err(); err != nil {
		return webhookKey{}, fmt.Errorf("install settings are not usable:\n%w", err)
	}
	path := string(settings.Spec.SecretsFile)
	if _, err := os.Stat(path); err != nil { // opening it would make a new one
		return webhookKey{}, fmt.Errorf("there is no key ring yet: %w; the gateway makes one when it starts for the first time", err)
	}
	ring, err := keyring.Open(path, time.Now())
	if err != nil {
		return webhookKey{}, fmt.Errorf("spec.secretsFile: %w", err)
	}
	keys, err := ring.For(keyring.Webhooks)
	if err != nil {
		return webhookKey{}, fmt.Errorf("spec.secretsFile: %w", err)
	}
	return webhookKey{keys[0].Name, keys[0].Text()}, nil
}
