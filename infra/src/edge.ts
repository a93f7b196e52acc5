/** What the internet meets: CloudFront with a web ACL. The load balancer behind it has no public address. */
import { Duration, type Stack } from "aws-cdk-lib";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HttpVersion,
  OriginProtocolPolicy,
  OriginRequestPolicy,
  OriginSslPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from "aws-cdk-lib/aws-cloudfront";
import { VpcOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import type { FargateService } from "aws-cdk-lib/aws-ecs";
import {
  ApplicationLoadBalancer,
  ApplicationProtocol,
  DesyncMitigationMode,
  ListenerAction,
  ListenerCondition,
  SslPolicy,
} from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { acknowledge } from "./acknowledge.ts";
import type { Environment } from "./environments.ts";
import type { Logs } from "./logs.ts";
import { APP_PORT, HEALTH_PORT, type Network } from "./network.ts";

export function edge(
  stack: Stack,
  environment: Environment,
  network: Network,
  service: FargateService,
  logs: Logs,
): Distribution {
  const balancer = balancerOf(stack, environment, network, service, logs);
  const distribution = new Distribution(stack, "Distribution", {
    comment: `Folio ${environment.stage}`,
    domainNames: [environment.domain],
    certificate: Certificate.fromCertificateArn(stack, "Certificate", environment.certificateArn),
    minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_3_2025,
    httpVersion: HttpVersion.HTTP2_AND_3,
    webAclId: environment.webAclArn,
    enableLogging: true,
    logBucket: logs.access,
    logFilePrefix: "edge/",
    defaultBehavior: {
      origin: VpcOrigin.withApplicationLoadBalancer(balancer, {
        protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY,
        originSslProtocols: [OriginSslPolicy.TLS_V1_2],
        readTimeout: Duration.seconds(30),
      }),
      viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      allowedMethods: AllowedMethods.ALLOW_ALL,
      // Pages of one workspace must never answer another: nothing is kept here.
      cachePolicy: CachePolicy.CACHING_DISABLED,
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER,
    },
  });
  acknowledge(distribution, { "AwsSolutions-CFR1": "Customers are anywhere." });
  return distribution;
}

function balancerOf(
  stack: Stack,
  { domain, originCertificateArn }: Environment,
  { vpc, balancer: securityGroup }: Network,
  service: FargateService,
  { access }: Logs,
): ApplicationLoadBalancer {
  const balancer = new ApplicationLoadBalancer(stack, "Balancer", {
    vpc,
    internetFacing: false,
    vpcSubnets: { subnetGroupName: "app" },
    securityGroup,
    dropInvalidHeaderFields: true,
    desyncMitigationMode: DesyncMitigationMode.STRICTEST,
    deletionProtection: true,
  });
  balancer.logAccessLogs(access, "balancer");
  const listener = balancer.addListener("Https", {
    port: 443,
    protocol: ApplicationProtocol.HTTPS,
    certificates: [Certificate.fromCertificateArn(stack, "OriginCertificate", originCertificateArn)],
    // CloudFront speaks TLS 1.2 to an origin, and 1.3 where both can.
    sslPolicy: SslPolicy.RECOMMENDED_TLS,
    open: false,
    defaultAction: ListenerAction.fixedResponse(404),
  });
  listener.addTargets("Folio", {
    priority: 1,
    conditions: [ListenerCondition.hostHeaders([domain])],
    port: APP_PORT,
    protocol: ApplicationProtocol.HTTP,
    targets: [service.loadBalancerTarget({ containerName: "folio", containerPort: APP_PORT })],
    // The load balancer cannot name a host, and Folio answers to its own alone: hence a port that says one thing.
    healthCheck: { path: "/healthz", port: `${HEALTH_PORT}`, healthyHttpCodes: "200", interval: Duration.seconds(15) },
    deregistrationDelay: Duration.seconds(30),
  });
  return balancer;
}
