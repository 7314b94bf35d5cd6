// What a dashboard of ours may be: Grafana's own types, each panel with the options and the field settings of its plugin, and queries as
// Prometheus' plugin has them. Grafana's `Panel` leaves these three open.
import type { DataSourceRef, GraphFieldConfig } from '@grafana/schema';
import type { Dashboard, FieldConfig, FieldConfigSource, Panel, RowPanel, VariableModel } from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as barchart from './node_modules/@grafana/schema/dist/types/raw/composable/barchart/panelcfg/x/types.gen';
import type * as bargauge from './node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import type * as gauge from './node_modules/@grafana/schema/dist/types/raw/composable/gauge/panelcfg/x/types.gen';
import type * as heatmap from './node_modules/@grafana/schema/dist/types/raw/composable/heatmap/panelcfg/x/types.gen';
import type * as piechart from './node_modules/@grafana/schema/dist/types/raw/composable/piechart/panelcfg/x/types.gen';
import type * as stat from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as states from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type * as timeseries from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
// The last version that published the queries of data sources.
import type { PrometheusDataQuery } from './node_modules/grafana-schema-queries/dist/esm/raw/composable/prometheus/dataquery/x/PrometheusDataQuery_types.gen';

interface Link {
  title: string;
  url: string;
  targetBlank?: boolean;
}

type Target = Omit<PrometheusDataQuery, 'datasource'> & { datasource: Required<DataSourceRef> };

interface Drawn<Type, Options, Custom>
  extends Omit<Panel, 'type' | 'title' | 'description' | 'options' | 'targets' | 'fieldConfig' | 'datasource' | 'gridPos'>,
    Required<Pick<Panel, 'title' | 'description' | 'gridPos'>> {
  type: Type;
  datasource: Required<DataSourceRef>;
  options: Options;
  targets: Target[];
  fieldConfig: Omit<FieldConfigSource, 'defaults'> & {
    defaults: Omit<FieldConfig, 'custom' | 'links'> & { custom: Custom; links?: Link[] };
  };
}

// With no settings of its own.
type Plain = Record<string, never>;

type ShippedPanel =
  | Drawn<'timeseries', timeseries.Options, GraphFieldConfig>
  | Drawn<'barchart', barchart.Options, barchart.FieldConfig>
  | Drawn<'bargauge', bargauge.Options, Plain>
  | Drawn<'gauge', gauge.Options, Plain>
  | Drawn<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | Drawn<'piechart', piechart.Options, piechart.FieldConfig>
  | Drawn<'stat', stat.Options, Plain>
  | Drawn<'state-timeline', states.Options, states.FieldConfig>;

export type Shipped = Omit<Dashboard, 'panels' | 'templating' | 'title' | 'uid'> &
  Required<Pick<Dashboard, 'title' | 'uid'>> & {
    panels: (ShippedPanel | RowPanel)[];
    templating: { list: VariableModel[] };
  };
