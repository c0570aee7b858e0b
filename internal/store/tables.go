package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// column is what a backup needs to know of a column.
type column struct {
	name string
	kind string // "text", "bigint", "boolean" or "double precision"
}

// tables lists our tables by name, with their columns in order.
func tables(ctx context.Context, db bun.IDB, postgres bool) ([]string, map[string][]column, error) {
	query := `SELECT m.name, c.name, lower(c.type) FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY m.name, c.cid`
	if postgres {
		query = `SELECT table_name, column_name, data_type FROM information_schema.columns
			WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position`
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, nil, fmt.Errorf("list the tables: %w", err)
	}
	defer rows.Close()
	var names []string
	cols := make(map[string][]column)
	for rows.Next() {
		var table string
		var c column
		if err := rows.Scan(&table, &c.name, &c.kind); err != nil {
			return nil, nil, fmt.Errorf("list the tables: %w", err)
		}
		if table == versionTable {
			continue
		}
		if cols[table] == nil {
			names = append(names, table)
		}
		cols[table] = append(cols[table], c)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("list the tables: %w", err)
	}
	return names, cols, nil
}

func columnList(cols []column) string {
	quoted := make([]string, len(cols))
	for i, c := range cols {
		quoted[i] = quote(c.name)
	}
	return strings.Join(quoted, ", ")
}

// quote makes an SQL identifier, for both databases.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
