/** The cheapest order of each family, as a sheet's cells and as the body that they become. */
export const ORDERS = {
  evolink: {
    cells: { model: 'wan2.6-text-to-video', duration: '5' },
    body: { model: 'wan2.6-text-to-video', duration: 5 },
  },
  vtrix: {
    cells: {
      model: 'wan26_r2v',
      duration: '2',
      size: '1280*720',
      'ref 1': 'https://example.com/lake.jpg',
    },
    body: {
      model: 'wan26_r2v',
      input: { prompt: '', reference_urls: ['https://example.com/lake.jpg'] },
      parameters: { size: '1280*720', duration: 2 },
    },
  },
} as const
