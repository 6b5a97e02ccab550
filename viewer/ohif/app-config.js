// What OHIF is told of this node: its files, its DICOMweb, and what to do when the session has ended.
window.PUBLIC_URL = 'BASE/';

// OHIF imports its microscopy viewer through this, from the root whatever its own address is.
window.browserImportFunction = (address) => import(address.replace(/^\/(?=dicom-microscopy-viewer\/)/, window.PUBLIC_URL));

window.config = {
  name: 'farsight',
  routerBasename: '/ohif/',
  extensions: [],
  modes: [],
  customizationService: {},
  showStudyList: true,
  maxNumberOfWebWorkers: 3,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  groupEnabledModesFirst: true,
  investigationalUseDialog: { option: 'always' },
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
  showErrorDetails: 'always',
  defaultDataSourceName: 'farsight',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'farsight',
      configuration: {
        friendlyName: '远见 Farsight',
        name: 'farsight',
        wadoUriRoot: '/wado',
        qidoRoot: '/dicom-web',
        wadoRoot: '/dicom-web',
        qidoSupportsIncludeField: true,
        supportsFuzzyMatching: true,
        supportsWildcard: true,
        supportsReject: false,
        imageRendering: 'wadors',
        thumbnailRendering: 'thumbnailDirect',
        enableStudyLazyLoad: true,
        staticWado: false,
        singlepart: 'bulkdata,video,pdf',
        bulkDataURI: { enabled: true },
        omitQuotationForMultipartRequest: true,
      },
    },
  ],
  httpErrorHandler: (error) => {
    // The web application asks for a login.
    if (error?.status === 401) window.location.assign('/');
  },
};
